// One contract for both file systems: the real one and the virtual one must not differ in what programs see.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/presence.h"
#include "engine/virtual_env.h"
#include "runtime/posix_fs.h"
#include "tests/support/temp_dir.h"

namespace rideflow {
namespace file_system_test {

class FileSystemContract : public testing::TestWithParam<bool> {
 protected:
  FileSystemContract() {
    if (GetParam()) {
      posix_ = make_posix_fs();
      fs_ = posix_.get();
      root_ = temp_.path();
    } else {
      fs_ = &env_.fs();
      root_ = "data";
      EXPECT_TRUE(fs_->make_dirs(root_).ok());
    }
  }

  std::string at(const std::string& name) const { return root_ + "/" + name; }

  void write(const std::string& name, std::string_view bytes) {
    auto file = fs_->create(at(name));
    ASSERT_TRUE(file.ok()) << file.status().to_string();
    ASSERT_TRUE((*file)->append(bytes).ok());
    ASSERT_TRUE((*file)->sync().ok());
    ASSERT_TRUE((*file)->close().ok());
  }

  std::string read(const std::string& name) {
    auto content = read_file(*fs_, at(name));
    return content.ok() ? *content : content.status().to_string();
  }

  std::string names(const std::string& dir) {
    auto entries = fs_->list(dir);
    if (!entries.ok()) return std::string(to_string(entries.status().code()));
    std::string text;
    for (const DirEntry& entry : *entries) text += entry.name + (entry.is_dir ? "/ " : " ");
    return text;
  }

  test::TempDir temp_;
  VirtualEnv env_;
  std::unique_ptr<FileSystem> posix_;
  FileSystem* fs_ = nullptr;
  std::string root_;
};

INSTANTIATE_TEST_SUITE_P(Both, FileSystemContract, testing::Bool(),
                         [](const auto& p) { return p.param ? "Posix" : "Virtual"; });

TEST_P(FileSystemContract, CreateTruncatesAndAppendContinues) {
  write("a", "old content");
  write("a", "new");
  EXPECT_EQ(read("a"), "new");
  auto file = fs_->append(at("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->size(), 3);
  ASSERT_TRUE((*file)->append("er").ok());
  EXPECT_EQ((*file)->size(), 5);
  EXPECT_EQ(read("a"), "newer") << "visible before sync";
  ASSERT_TRUE((*file)->close().ok());
  EXPECT_EQ((*file)->append("x").code(), Code::internal) << "closed";
  ASSERT_TRUE(fs_->append(at("b")).ok());
  EXPECT_EQ(names(root_), "a b ");
}

TEST_P(FileSystemContract, OnlyNoSuchFileMeansAbsent) {
  write("a", "x");
  EXPECT_TRUE(*exists(*fs_, at("a")));
  EXPECT_FALSE(*exists(*fs_, at("none")));
  if (GetParam()) {
    EXPECT_FALSE(exists(*fs_, at("a/b")).ok()) << "no directory: nothing is said about the file";
    ASSERT_EQ(::symlink("loop", at("loop").c_str()), 0);
    ASSERT_EQ(::symlink("nowhere", at("dangling").c_str()), 0);
    EXPECT_FALSE(exists(*fs_, at("loop")).ok());
    EXPECT_EQ(names(root_), "a ") << "links that lead nowhere are in no list";
    return;
  }
  // Every call that looks at "a" fails once: none may answer as if it were empty or not there.
  const auto fails = [&](int64_t n) {
    env_.fs().fail(n, Status::external(Code::unavailable, "Input/output error."));
  };
  fails(1);
  EXPECT_EQ(exists(*fs_, at("a")).status().code(), Code::unavailable);
  for (int64_t n = 1; n <= 3; ++n) {
    fails(n);
    EXPECT_EQ(read_file(*fs_, at("a")).status().code(), Code::unavailable) << "open, size, read: call " << n;
  }
  EXPECT_EQ(read("a"), "x");
}

TEST_P(FileSystemContract, MissingThingsHaveTheirCodes) {
  EXPECT_EQ(fs_->open(at("none")).status().code(), Code::not_found);
  EXPECT_EQ(fs_->stat(at("none")).status().code(), Code::not_found);
  EXPECT_EQ(fs_->list(at("none")).status().code(), Code::not_found);
  EXPECT_EQ(fs_->create(at("none/a")).status().code(), Code::not_found);
  EXPECT_EQ(fs_->rename(at("none"), at("b")).code(), Code::not_found);
  EXPECT_EQ(fs_->link(at("none"), at("b")).code(), Code::not_found);
  EXPECT_EQ(fs_->truncate(at("none"), 0).code(), Code::not_found);
  EXPECT_EQ(fs_->sync_dir(at("none")).code(), Code::not_found);
  EXPECT_TRUE(fs_->remove(at("none")).ok());
  EXPECT_TRUE(fs_->remove_tree(at("none")).ok());
  EXPECT_NE(fs_->open(at("none")).status().message().find(at("none")), std::string::npos);
}

// A job file that names a FIFO must not hang its process, and /dev/zero has no end.
TEST(PosixFs, OpensRegularFilesOnly) {
  test::TempDir temp;
  const std::string fifo = temp / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto fs = make_posix_fs();
  for (const std::string& path : {fifo, std::string("/dev/zero"), std::string("/dev/null")}) {
    const auto file = fs->open(path);
    EXPECT_EQ(file.status().code(), Code::invalid_argument) << path;
    EXPECT_NE(file.status().message().find("'" + path + "': it is a device, a pipe or a socket"),
              std::string::npos)
        << file.status().message();
  }
}

TEST_P(FileSystemContract, ReadsAtOffsetsAndGrows) {
  write("a", "0123456789");
  auto file = fs_->open(at("a"));
  ASSERT_TRUE(file.ok());
  char buffer[16] = {};
  EXPECT_EQ(*(*file)->read(4, 3, buffer), 3U);
  EXPECT_EQ(std::string_view(buffer, 3), "456");
  EXPECT_EQ(*(*file)->read(8, 16, buffer), 2U);
  EXPECT_EQ(*(*file)->read(10, 1, buffer), 0U);
  EXPECT_EQ(*(*file)->read(99, 1, buffer), 0U);
  auto more = fs_->append(at("a"));
  ASSERT_TRUE((*more)->append("abc").ok());
  EXPECT_EQ((*file)->size(), 13);
  EXPECT_EQ(*(*file)->read(10, 16, buffer), 3U);
}

TEST_P(FileSystemContract, MapsArePaddedAndOutliveNamesAndReaders) {
  for (const size_t size : {size_t{0}, size_t{5}, size_t{4096 - 10}, size_t{4096}, size_t{10000}}) {
    write("a", std::string(size, 'x'));
    auto file = fs_->open(at("a"));
    auto map = (*file)->map();
    ASSERT_TRUE(map.ok()) << map.status().to_string();
    file->reset();
    ASSERT_TRUE(fs_->remove(at("a")).ok());
    ASSERT_EQ((*map)->size(), size);
    size_t sum = 0;
    for (size_t i = 0; i < size + 64; ++i) sum += (*map)->data()[i] == 'x' ? 1 : 0;
    EXPECT_EQ(sum, size);
  }
}

TEST_P(FileSystemContract, ListsSortedWithKindsAndSizes) {
  ASSERT_TRUE(fs_->make_dirs(at("dir/below/deep")).ok());
  ASSERT_TRUE(fs_->make_dirs(at("dir/below")).ok()) << "exists already";
  write("b", "12345");
  write("a", "");
  write("dir/inner", "x");
  EXPECT_EQ(names(root_), "a b dir/ ");
  EXPECT_EQ(names(at("dir")), "below/ inner ");
  EXPECT_EQ(fs_->stat(at("b"))->size, 5);
  EXPECT_EQ(fs_->stat(at("b"))->name, "b");
  EXPECT_TRUE(fs_->stat(at("dir"))->is_dir);
  EXPECT_EQ(fs_->open(at("dir")).status().code(), Code::failed_precondition);
  EXPECT_EQ(fs_->make_dirs(at("a")).code(), Code::failed_precondition);
}

TEST_P(FileSystemContract, RenameReplaces) {
  write("a", "A");
  write("b", "B");
  ASSERT_TRUE(fs_->rename(at("a"), at("b")).ok());
  EXPECT_EQ(names(root_), "b ");
  EXPECT_EQ(read("b"), "A");
  ASSERT_TRUE(fs_->make_dirs(at("d")).ok());
  write("d/x", "X");
  ASSERT_TRUE(fs_->rename(at("d"), at("e")).ok());
  EXPECT_EQ(names(root_), "b e/ ");
  EXPECT_EQ(read("e/x"), "X");
}

TEST_P(FileSystemContract, LinksShareContentAndRefuseToReplace) {
  write("a", "A");
  ASSERT_TRUE(fs_->link(at("a"), at("b")).ok());
  EXPECT_EQ(fs_->link(at("a"), at("b")).code(), Code::already_exists);
  ASSERT_TRUE(fs_->remove(at("a")).ok());
  EXPECT_EQ(read("b"), "A");
}

TEST_P(FileSystemContract, RemovesFilesEmptyDirectoriesAndTrees) {
  ASSERT_TRUE(fs_->make_dirs(at("d/e")).ok());
  write("d/x", "X");
  EXPECT_EQ(fs_->remove(at("d")).code(), Code::failed_precondition);
  EXPECT_TRUE(fs_->remove(at("d/e")).ok());
  EXPECT_EQ(names(at("d")), "x ");
  EXPECT_TRUE(fs_->remove_tree(at("d")).ok());
  EXPECT_EQ(names(root_), "");
}

TEST_P(FileSystemContract, TruncateCutsTheTail) {
  write("a", "0123456789");
  ASSERT_TRUE(fs_->truncate(at("a"), 4).ok());
  EXPECT_EQ(read("a"), "0123");
  EXPECT_EQ(fs_->stat(at("a"))->size, 4);
}

TEST_P(FileSystemContract, ALockIsHeldByOneUntilItGoes) {
  auto lock = fs_->lock(at("LOCK"));
  ASSERT_TRUE(lock.ok()) << lock.status().to_string();
  EXPECT_EQ(fs_->lock(at("LOCK")).status().code(), Code::aborted);
  ASSERT_TRUE((*lock)->write("pid 1234").ok());
  ASSERT_TRUE((*lock)->write("pid 5").ok());
  EXPECT_EQ(read("LOCK"), "pid 5") << "readable by others";
  EXPECT_EQ(fs_->lock(at("LOCK")).status().code(), Code::aborted) << "reading took nothing away";
  lock->reset();
  EXPECT_TRUE(fs_->lock(at("LOCK")).ok());
}

TEST_P(FileSystemContract, WholeFilesAreWrittenAtomically) {
  ASSERT_TRUE(write_file_atomic(*fs_, at("m"), "one").ok());
  ASSERT_TRUE(write_file_atomic(*fs_, at("m"), "two").ok());
  EXPECT_EQ(read("m"), "two");
  EXPECT_EQ(names(root_), "m ");
  EXPECT_GT(*fs_->free_bytes(root_), 0);
}

}  // namespace file_system_test
}  // namespace rideflow
