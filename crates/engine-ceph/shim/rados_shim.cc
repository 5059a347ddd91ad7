// What librados offers in C++ only, as flat functions for marcot-engine-ceph.
//
// Each function starts one operation and returns 0, or a negative errno when nothing was started.
// When the operation has ended, `answer` is called once, on a thread of librados, with its result,
// the object's version, and what it found as numbers and bytes; both live until `answer` returns.
// No exception leaves this library. Built by scripts/build-shim; loaded by src/shim.rs;
// src/shim/found.rs says what the numbers mean.

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <rados/librados.hpp>

namespace {

using Answer = void (*)(void *argument, int result, uint64_t version, const uint64_t *numbers,
                        size_t count, const char *bytes, size_t length);

// One operation under way. It owns what librados fills until the answer has been given.
struct Request {
  librados::IoCtx io;
  Answer answer;
  void *argument;
  librados::AioCompletion *completion = nullptr;
  std::vector<uint64_t> numbers;
  std::string bytes;

  Request(rados_ioctx_t context, Answer answer, void *argument)
      : answer(answer), argument(argument) {
    librados::IoCtx::from_rados_ioctx_t(context, io);
  }
  virtual ~Request() {
    if (completion) completion->release();
  }
  Request(const Request &) = delete;
  Request &operator=(const Request &) = delete;

  // Turns what librados filled into numbers and bytes; a negative errno if it cannot be read.
  virtual int flatten() = 0;
  // The bytes that go with the numbers.
  virtual std::pair<const char *, size_t> text() { return {bytes.data(), bytes.size()}; }

  static void finished(librados::completion_t, void *self) {
    std::unique_ptr<Request> request(static_cast<Request *>(self));
    int result = request->completion->get_return_value();
    std::pair<const char *, size_t> text{nullptr, 0};
    try {
      if (result >= 0) {
        int flattened = request->flatten();
        if (flattened < 0) result = flattened;
        text = request->text();
      }
    } catch (...) {
      result = -ENOMEM;
    }
    request->answer(request->argument, result, request->completion->get_version64(),
                    request->numbers.data(), request->numbers.size(), text.first, text.second);
  }

  void prepare() {
    completion = librados::Rados::aio_create_completion(this, finished);
    if (!completion) throw std::bad_alloc();
  }
};

// Zeros are told from data in units of so many bytes; src/copyup/looking.rs counts in the same.
constexpr uint64_t GRAIN = 4096;

bool all_zeros(const char *data, uint64_t length) {
  return length == 0 || (data[0] == 0 && memcmp(data, data + 1, length - 1) == 0);
}

struct Read : Request {
  librados::ObjectReadOperation op;
  int step = 0;
  using Request::Request;
};

struct ListSnaps : Read {
  librados::snap_set_t found;
  using Read::Read;
  int flatten() override {
    numbers.push_back(found.seq);
    for (const auto &clone : found.clones) {
      numbers.insert(numbers.end(), {clone.cloneid, clone.size, clone.snaps.size(),
                                     clone.overlap.size()});
      numbers.insert(numbers.end(), clone.snaps.begin(), clone.snaps.end());
      for (const auto &[offset, length] : clone.overlap)
        numbers.insert(numbers.end(), {offset, length});
    }
    return step;
  }
};

struct ListWatchers : Read {
  std::list<obj_watch_t> found;
  using Read::Read;
  int flatten() override {
    for (const auto &watch : found) {
      std::string address(watch.addr, strnlen(watch.addr, sizeof watch.addr));
      numbers.insert(numbers.end(), {static_cast<uint64_t>(watch.watcher_id), watch.cookie,
                                     watch.timeout_seconds, address.size()});
      bytes += address;
    }
    return step;
  }
};

struct SparseRead : Read {
  std::map<uint64_t, uint64_t> found;
  librados::bufferlist data;
  using Read::Read;
  int flatten() override {
    for (const auto &[offset, length] : found) numbers.insert(numbers.end(), {offset, length});
    return step;
  }
  std::pair<const char *, size_t> text() override { return {data.c_str(), data.length()}; }
};

// How much of an object's data is zeros, in some places of it.
struct Look : Read {
  std::vector<librados::bufferlist> found;
  uint64_t size = 0;
  time_t time = 0;
  using Read::Read;
  int flatten() override {
    uint64_t grains = 0, zeros = 0;
    for (auto &place : found) {
      const char *bytes = place.c_str();
      for (uint64_t at = 0; at < place.length(); at += GRAIN) {
        grains++;
        zeros += all_zeros(bytes + at, std::min<uint64_t>(GRAIN, place.length() - at));
      }
    }
    numbers = {size, grains, zeros};
    return step;
  }
};

struct ListOmap : Read {
  std::map<std::string, librados::bufferlist> found;
  bool more = false;
  using Read::Read;
  int flatten() override {
    numbers.push_back(more);
    for (auto &[key, value] : found) {
      numbers.insert(numbers.end(), {key.size(), value.length()});
      bytes += key;
      bytes += value.to_str();
    }
    return step;
  }
};

struct Write : Request {
  using Request::Request;
  int flatten() override { return 0; }
};

// Fills an object that does not exist: what the sources hold is read, and written as it came, without
// its zeros. The class method `rbd.sparse_copyup` does the same, and its data comes to the OSD behind
// its arguments, from where it must be copied to be written. The reads end in any order, and only count
// themselves off; after the last one there is one callback at a time.
struct Copyup : Request {
  struct Source {
    Copyup *copyup;
    librados::IoCtx io;
    std::string object;
    uint64_t from, to, length;
    librados::ObjectReadOperation op;
    std::map<uint64_t, uint64_t> found;
    librados::bufferlist data;
    int step = 0;
  };

  std::string object;
  bool refuse_zeros = false, read_once = false;
  std::vector<std::unique_ptr<Source>> sources;
  std::atomic<size_t> left{0};
  std::atomic<int> failed{0};
  librados::ObjectWriteOperation fill;
  using Request::Request;
  int flatten() override { return 0; }

  void ended(int result, uint64_t version = 0) {
    answer(argument, result, version, numbers.data(), numbers.size(), nullptr, 0);
    delete this;
  }

  void read() {
    left = sources.size() + 1;
    for (auto &source : sources) {
      librados::AioCompletion *begun = nullptr;
      int result = -ENOMEM;
      try {
        source->op.sparse_read(source->from, source->length, &source->found, &source->data,
                               &source->step);
        if (read_once) source->op.set_op_flags2(LIBRADOS_OP_FLAG_FADVISE_NOCACHE);
        begun = librados::Rados::aio_create_completion(source.get(), came);
        if (begun) result = source->io.aio_operate(source->object, begun, &source->op, nullptr);
      } catch (...) {
        result = -ENOMEM;
      }
      // Nobody but its callback knows the completion.
      if (begun) begun->release();
      if (result < 0) came_one(result);
    }
    came_one(0);
  }

  static void came(librados::completion_t completion, void *argument) {
    auto source = static_cast<Source *>(argument);
    int result = rados_aio_get_return_value(completion);
    source->copyup->came_one(result < 0 ? result : source->step);
  }

  void came_one(int result) {
    if (result < 0) failed = result;
    if (--left == 0) send();
  }

  void send() {
    if (failed < 0) return ended(failed);
    std::map<uint64_t, uint64_t> extents;
    librados::bufferlist data;
    int result = -ENOMEM;
    try {
      for (auto &source : sources) gather(*source, extents, data);
      numbers.push_back(data.length());
      if (extents.empty() && refuse_zeros) return ended(-ENODATA);
      fill.create(true);
      uint64_t taken = 0;
      for (const auto &[offset, length] : extents) {
        librados::bufferlist run;
        run.substr_of(data, taken, length);
        taken += length;
        fill.write(offset, run);
      }
      completion = librados::Rados::aio_create_completion(this, filled);
      if (completion) result = io.aio_operate(object, completion, &fill);
    } catch (...) {
      result = -ENOMEM;
    }
    if (result < 0) ended(result);
  }

  static void filled(librados::completion_t, void *argument) {
    auto self = static_cast<Copyup *>(argument);
    self->ended(self->completion->get_return_value(), self->completion->get_version64());
  }

  // The runs of a source that are not zeros, where they go in the target. No byte is copied.
  static void gather(Source &source, std::map<uint64_t, uint64_t> &extents,
                     librados::bufferlist &data) {
    const char *bytes = source.data.length() ? source.data.c_str() : nullptr;
    uint64_t at = 0, kept = 0, kept_to = 0;
    auto keep = [&] {
      if (kept == kept_to) return;
      librados::bufferlist run;
      run.substr_of(source.data, kept, kept_to - kept);
      data.claim_append(run);
      kept = kept_to;
    };
    for (const auto &[offset, length] : source.found) {
      const uint64_t target = offset - source.from + source.to;
      for (uint64_t done = 0; done < length;) {
        const uint64_t grain = std::min(length - done, GRAIN - (target + done) % GRAIN);
        if (!all_zeros(bytes + at + done, grain)) {
          if (kept_to != at + done) {
            keep();
            kept = at + done;
          }
          kept_to = at + done + grain;
          auto last = extents.empty() ? extents.end() : std::prev(extents.end());
          if (last != extents.end() && last->first + last->second == target + done)
            last->second += grain;
          else
            extents[target + done] = grain;
        }
        done += grain;
      }
      at += length;
    }
    keep();
  }
};

int start_read(std::unique_ptr<Read> request, const char *object, size_t length) {
  request->prepare();
  Read *started = request.release();
  int result = started->io.aio_operate(std::string(object, length), started->completion,
                                       &started->op, nullptr);
  if (result < 0) delete started;
  return result;
}

// librados takes over what `op` holds; it ends here, so that it shares no lent bytes beyond this.
int start_write(std::unique_ptr<Write> request, const char *object, size_t length,
                librados::ObjectWriteOperation op) {
  request->prepare();
  Write *started = request.release();
  int result = started->io.aio_operate(std::string(object, length), started->completion, &op);
  if (result < 0) delete started;
  return result;
}

template <class Start> int guarded(Start start) {
  try {
    return start();
  } catch (...) {
    return -ENOMEM;
  }
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

// Changes with every change of a function's arguments or answer.
EXPORT int marcot_rados_shim_version() { return 6; }

// A part of an object that goes into another one: where it begins there, where here, its length.
struct marcot_rados_source {
  rados_ioctx_t io;
  const char *object;
  size_t length;
  uint64_t ranges[3];
};

EXPORT int marcot_rados_list_snaps(rados_ioctx_t io, const char *object, size_t length,
                                   Answer answer, void *argument) {
  return guarded([&] {
    auto request = std::make_unique<ListSnaps>(io, answer, argument);
    request->op.list_snaps(&request->found, &request->step);
    return start_read(std::move(request), object, length);
  });
}

EXPORT int marcot_rados_list_watchers(rados_ioctx_t io, const char *object, size_t length,
                                      Answer answer, void *argument) {
  return guarded([&] {
    auto request = std::make_unique<ListWatchers>(io, answer, argument);
    request->op.list_watchers(&request->found, &request->step);
    return start_read(std::move(request), object, length);
  });
}

EXPORT int marcot_rados_sparse_read(rados_ioctx_t io, const char *object, size_t length,
                                    uint64_t offset, uint64_t size, Answer answer,
                                    void *argument) {
  return guarded([&] {
    auto request = std::make_unique<SparseRead>(io, answer, argument);
    request->op.sparse_read(offset, size, &request->found, &request->data, &request->step);
    return start_read(std::move(request), object, length);
  });
}

EXPORT int marcot_rados_list_omap(rados_ioctx_t io, const char *object, size_t length,
                                  const char *after, size_t after_length, const char *prefix,
                                  size_t prefix_length, uint64_t max, Answer answer,
                                  void *argument) {
  return guarded([&] {
    auto request = std::make_unique<ListOmap>(io, answer, argument);
    request->op.omap_get_vals2(std::string(after, after_length),
                               std::string(prefix, prefix_length), max, &request->found,
                               &request->more, &request->step);
    return start_read(std::move(request), object, length);
  });
}

EXPORT int marcot_rados_roll_back(rados_ioctx_t io, const char *object, size_t length,
                                  uint64_t snap, Answer answer, void *argument) {
  return guarded([&] {
    auto request = std::make_unique<Write>(io, answer, argument);
    librados::ObjectWriteOperation op;
    op.selfmanaged_snap_rollback(snap);
    return start_write(std::move(request), object, length, std::move(op));
  });
}

// Bytes that stay the caller's and must neither change nor go while librados shares them.
struct marcot_rados_loan {
  ceph::bufferptr bytes;
};

// Null when there is no memory.
EXPORT marcot_rados_loan *marcot_rados_lend(const char *bytes, size_t length) {
  try {
    auto shared = ceph::buffer::create_static(length, const_cast<char *>(bytes));
    return new marcot_rados_loan{ceph::bufferptr(std::move(shared))};
  } catch (...) {
    return nullptr;
  }
}

// Whether librados shares the bytes no more: once it does not, it never will again.
EXPORT int marcot_rados_loan_over(const marcot_rados_loan *loan) {
  return loan->bytes.raw_nref() == 1;
}

EXPORT void marcot_rados_loan_end(marcot_rados_loan *loan) { delete loan; }

// Where lent bytes go in an object.
struct marcot_rados_part {
  uint64_t offset;
  const marcot_rados_loan *loan;
};

EXPORT int marcot_rados_write_lent(rados_ioctx_t io, const char *object, size_t length,
                                   int must_exist, const marcot_rados_part *parts, size_t count,
                                   Answer answer, void *argument) {
  return guarded([&] {
    auto request = std::make_unique<Write>(io, answer, argument);
    librados::ObjectWriteOperation op;
    if (must_exist) op.assert_exists();
    for (size_t index = 0; index < count; index++) {
      librados::bufferlist data;
      data.append(parts[index].loan->bytes);
      op.write(parts[index].offset, data);
    }
    return start_write(std::move(request), object, length, std::move(op));
  });
}

EXPORT int marcot_rados_copyup(rados_ioctx_t io, const char *object, size_t length,
                               const marcot_rados_source *sources, size_t count, int refuse_zeros,
                               int read_once, Answer answer, void *argument) {
  return guarded([&] {
    auto request = std::make_unique<Copyup>(io, answer, argument);
    request->object.assign(object, length);
    request->refuse_zeros = refuse_zeros;
    request->read_once = read_once;
    std::vector<const marcot_rados_source *> sorted;
    for (size_t index = 0; index < count; index++) sorted.push_back(&sources[index]);
    // So that what they hold comes in the order of the extents, which are sorted.
    std::sort(sorted.begin(), sorted.end(),
              [](auto one, auto other) { return one->ranges[1] < other->ranges[1]; });
    for (const auto *given : sorted) {
      auto source = std::make_unique<Copyup::Source>();
      source->copyup = request.get();
      librados::IoCtx::from_rados_ioctx_t(given->io, source->io);
      source->object.assign(given->object, given->length);
      source->from = given->ranges[0];
      source->to = given->ranges[1];
      source->length = given->ranges[2];
      request->sources.push_back(std::move(source));
    }
    request.release()->read();
    return 0;
  });
}

EXPORT int marcot_rados_look(rados_ioctx_t io, const char *object, size_t length,
                             const uint64_t *places, size_t count, uint64_t each, Answer answer,
                             void *argument) {
  return guarded([&] {
    auto request = std::make_unique<Look>(io, answer, argument);
    request->op.stat(&request->size, &request->time, &request->step);
    request->found.resize(count);
    for (size_t index = 0; index < count; index++)
      request->op.read(places[index], each, &request->found[index], nullptr);
    return start_read(std::move(request), object, length);
  });
}

EXPORT int marcot_rados_copy(rados_ioctx_t io, const char *object, size_t length,
                             rados_ioctx_t from, const char *source, size_t source_length,
                             Answer answer, void *argument) {
  return guarded([&] {
    auto request = std::make_unique<Write>(io, answer, argument);
    librados::IoCtx source_io;
    librados::IoCtx::from_rados_ioctx_t(from, source_io);
    librados::ObjectWriteOperation op;
    op.create(true);
    op.copy_from(std::string(source, source_length), source_io, 0, 0);
    return start_write(std::move(request), object, length, std::move(op));
  });
}
