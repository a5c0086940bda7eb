#include "tests/support/damage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/support/long_run.h"

namespace rideflow::test {

Files read_files(const VirtualFs& fs, const std::string& dir) {
  Files files;
  for (const std::string& path : fs.files(dir)) files[path] = fs.content(path);
  return files;
}

void write_files(VirtualFs& fs, const std::string& dir, const Files& files) {
  ASSERT_TRUE(fs.remove_tree(dir).ok());
  ASSERT_TRUE(fs.make_dirs(dir).ok());
  for (const auto& [path, content] : files) {
    ASSERT_TRUE(fs.make_dirs(parent_dir(path)).ok());
    ASSERT_TRUE(fs.create(path).ok());
    fs.set_content(path, content);
    ASSERT_TRUE(fs.sync_dir(parent_dir(path)).ok());
  }
}

void for_each_damage(VirtualFs& fs, const std::string& dir, const Files& files, size_t places,
                     const std::function<void(const Damage&)>& check) {
  places = long_or(places, std::numeric_limits<size_t>::max());
  size_t offset = 0;
  for (const auto& [path, content] : files) {
    const size_t step = std::max<size_t>(1, content.size() / places);
    offset = (offset * 31 + 7) % 1009;
    for (size_t at = offset % step; at < content.size(); at += step) {
      write_files(fs, dir, files);
      std::string changed = content;
      changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
      fs.set_content(path, changed);
      check({path, "byte " + std::to_string(at) + " of " + std::to_string(content.size()) + " is flipped",
             false});
    }
    for (size_t at = offset % step; at < content.size(); at += step) {
      write_files(fs, dir, files);
      fs.set_content(path, content.substr(0, at));
      check({path, "is cut from " + std::to_string(content.size()) + " to " + std::to_string(at) + " bytes",
             false});
    }
    write_files(fs, dir, files);
    ASSERT_TRUE(fs.remove(path).ok());
    check({path, "is deleted", true});
  }
}

}  // namespace rideflow::test
