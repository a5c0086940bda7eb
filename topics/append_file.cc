#include "topics/append_file.h"

namespace rideflow {

Result<AppendFile> AppendFile::open(FileSystem& fs, const std::string& path) {
  AppendFile file;
  file.fs_ = &fs;
  file.path_ = path;
  RF_ASSIGN(file.file_, fs.append(path));
  RF_TRY(file.file_->sync());
  RF_TRY(fs.sync_dir(parent_dir(path)));
  file.size_ = file.file_->size();
  file.durable_ = file.size_;
  return file;
}

Status AppendFile::append(std::string_view bytes) {
  if (broken_) return Status::internal("'" + path_ + "' was not rolled back after an error.");
  Status status = file_->append(bytes);
  if (status.ok()) {
    size_ += static_cast<int64_t>(bytes.size());
  } else {
    broken_ = true;
  }
  return status;
}

Status AppendFile::sync() {
  if (broken_) return Status::internal("'" + path_ + "' was not rolled back after an error.");
  if (size_ == durable_) return {};
  Status status = file_->sync();
  if (status.ok()) {
    durable_ = size_;
  } else {
    broken_ = true;
  }
  return status;
}

Status AppendFile::roll_back(int64_t size) {
  RF_CHECK(size <= durable_);
  if (!broken_ && size_ == size) return {};
  broken_ = true;
  file_.reset();
  RF_TRY(fs_->truncate(path_, size));
  RF_ASSIGN(file_, fs_->append(path_));
  size_ = size;
  durable_ = size;
  broken_ = false;
  return {};
}

}  // namespace rideflow
