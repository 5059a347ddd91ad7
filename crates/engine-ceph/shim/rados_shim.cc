// What librados offers in C++ only, as flat functions for marcot-engine-ceph.
//
// Each function starts one operation and returns 0, or a negative errno when nothing was started.
// When the operation has ended, `answer` is called once, on a thread of librados, with its result,
// the object's version, and what it found as numbers and bytes; both live until `answer` returns.
// No exception leaves this library. Built by scripts/build-shim; loaded by src/shim.rs, which says
// what the numbers mean.

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

struct Rollback : Request {
  librados::ObjectWriteOperation op;
  using Request::Request;
  int flatten() override { return 0; }
};

int start_read(std::unique_ptr<Read> request, const char *object, size_t length) {
  request->prepare();
  Read *started = request.release();
  int result = started->io.aio_operate(std::string(object, length), started->completion,
                                       &started->op, nullptr);
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
EXPORT int marcot_rados_shim_version() { return 1; }

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
    auto request = std::make_unique<Rollback>(io, answer, argument);
    request->op.selfmanaged_snap_rollback(snap);
    request->prepare();
    Rollback *started = request.release();
    int result = started->io.aio_operate(std::string(object, length), started->completion,
                                         &started->op);
    if (result < 0) delete started;
    return result;
  });
}
