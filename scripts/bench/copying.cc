// How long a cluster takes to copy objects, with nothing done beside it: no flatten that moves the
// same bytes in the same way can take less. Prints milliseconds.
//
//   copying osds|client POOL PREFIX AT_ONCE     objects of POOL whose names begin with PREFIX
//
// osds: the OSDs copy them among themselves (copy_from). client: what they hold is read and sent on, by
// an exclusive create with writes behind it. The copies are removed again.
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <rados/librados.hpp>

using namespace librados;

namespace {

constexpr uint64_t WHOLE = 4 << 20;

struct Copies {
  IoCtx io;
  bool osds = false;
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0, failed = 0;
};

struct Copy {
  Copies &all;
  std::string from, to;
  std::map<uint64_t, uint64_t> extents;
  bufferlist data;
  bool reading = false;
};

void ended(completion_t completion, void *argument);

void write(Copy *copy) {
  ObjectWriteOperation op;
  if (copy->all.osds) {
    op.create(true);
    op.copy_from(copy->from, copy->all.io, 0, 0);
  } else {
    op.create(true);
    uint64_t taken = 0;
    for (const auto &[offset, length] : copy->extents) {
      bufferlist run;
      run.substr_of(copy->data, taken, length);
      taken += length;
      op.write(offset, run);
    }
  }
  AioCompletion *done = Rados::aio_create_completion(copy, ended);
  if (copy->all.io.aio_operate(copy->to, done, &op) < 0) abort();
  done->release();
}

void read(Copy *copy) {
  copy->reading = true;
  ObjectReadOperation op;
  op.sparse_read(0, WHOLE, &copy->extents, &copy->data, nullptr);
  op.set_op_flags2(LIBRADOS_OP_FLAG_FADVISE_NOCACHE);
  AioCompletion *done = Rados::aio_create_completion(copy, ended);
  if (copy->all.io.aio_operate(copy->from, done, &op, nullptr) < 0) abort();
  done->release();
}

void ended(completion_t completion, void *argument) {
  auto copy = static_cast<Copy *>(argument);
  const int result = rados_aio_get_return_value(completion);
  if (copy->reading && result >= 0) {
    copy->reading = false;
    return write(copy);
  }
  Copies &all = copy->all;
  delete copy;
  std::lock_guard<std::mutex> held(all.mutex);
  all.running--;
  all.failed += result < 0;
  all.changed.notify_all();
}

std::vector<std::string> named(IoCtx &io, const std::string &prefix) {
  std::vector<std::string> names;
  for (auto object = io.nobjects_begin(); object != io.nobjects_end(); ++object)
    if (object->get_oid().rfind(prefix, 0) == 0) names.push_back(object->get_oid());
  return names;
}

}  // namespace

int main(int count, char **words) {
  if (count != 5) return 2;
  Copies all;
  all.osds = std::string(words[1]) == "osds";
  Rados cluster;
  if (cluster.init(nullptr) < 0 || cluster.conf_read_file(nullptr) < 0 ||
      cluster.conf_parse_env(nullptr) < 0 || cluster.connect() < 0 ||
      cluster.ioctx_create(words[2], all.io) < 0)
    return 1;
  const auto names = named(all.io, words[3]);
  const int at_once = atoi(words[4]);
  const auto begun = std::chrono::steady_clock::now();
  for (const auto &name : names) {
    std::unique_lock<std::mutex> held(all.mutex);
    all.changed.wait(held, [&] { return all.running < at_once; });
    all.running++;
    held.unlock();
    auto copy = new Copy{all, name, "copying." + name, {}, {}};
    all.osds ? write(copy) : read(copy);
  }
  {
    std::unique_lock<std::mutex> held(all.mutex);
    all.changed.wait(held, [&] { return all.running == 0; });
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
  std::printf("%.1f\n", took.count());
  for (const auto &name : names) all.io.remove("copying." + name);
  return all.failed > 0;
}
