#include "operators/files/byte_source.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <vector>

namespace rideflow {
namespace {

class PlainBytes : public ByteSource {
 public:
  explicit PlainBytes(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}
  Result<size_t> read(char* out, size_t n) override {
    RF_ASSIGN(const size_t got, file_->read(at_, n, out));
    at_ += static_cast<int64_t>(got);
    return got;
  }
  bool at_boundary() const override { return true; }
  int64_t consumed() const override { return at_; }
  Result<FileIdentity> identity(const DirEntry& entry) const override {
    return identity_of(*file_, entry, at_);
  }
  bool compressed() const override { return false; }

 private:
  std::unique_ptr<ReadableFile> file_;
  int64_t at_ = 0;
};

// What gzip and zstd share: an input buffer, the account of bytes.
class Decompressed : public ByteSource {
 public:
  Decompressed(std::unique_ptr<ReadableFile> file, std::string path, double max_ratio)
      : path_(std::move(path)), file_(std::move(file)), max_ratio_(max_ratio), input_(64 << 10) {}

  Result<size_t> read(char* out, size_t n) override {
    size_t made = 0;
    while (made == 0) {
      if (begin_ == end_) {
        RF_ASSIGN(end_, file_->read(consumed_, input_.size(), input_.data()));
        begin_ = 0;
        consumed_ += static_cast<int64_t>(end_);
        // Compressed input may be used up with output still waiting inside.
        if (end_ == 0 && !more_inside_) return size_t{0};
      }
      const size_t before = begin_;
      RF_ASSIGN(made, decompress(out, n));
      more_inside_ = made == n;
      if (made == 0 && begin_ == before && end_ != 0 && begin_ != end_) return damaged();
      if (made == 0 && end_ == 0) return size_t{0};
    }
    produced_ += static_cast<int64_t>(made);
    constexpr int64_t kFree = 64 << 20;  // small files may be as dense as they like
    if (produced_ > kFree && static_cast<double>(produced_) > max_ratio_ * static_cast<double>(consumed_)) {
      return Status::user(Code::resource_exhausted,
                          fmt::format("'{}' holds more than {} bytes per compressed byte: it is refused as a "
                                      "decompression bomb; set max_ratio if it is none",
                                      path_, max_ratio_));
    }
    return made;
  }
  bool at_boundary() const override { return boundary_ && begin_ == end_; }
  int64_t consumed() const override { return consumed_; }
  Result<FileIdentity> identity(const DirEntry& entry) const override {
    return identity_of(*file_, entry, consumed_);
  }
  bool compressed() const override { return true; }

 protected:
  // From input_[begin_, end_) to out; moves begin_; sets boundary_. 0: needs more input.
  virtual Result<size_t> decompress(char* out, size_t n) = 0;
  Status damaged(std::string_view why = {}) const {
    const auto at = consumed_ - static_cast<int64_t>(end_ - begin_);
    return Status::external(Code::data_loss,
                            fmt::format("the compressed data of '{}' is damaged near byte {}{}{}", path_, at,
                                        why.empty() ? "" : ": ", why));
  }

  std::string path_;
  std::unique_ptr<ReadableFile> file_;
  double max_ratio_;
  std::vector<char> input_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool boundary_ = true;

 private:
  bool more_inside_ = false;
  int64_t consumed_ = 0;
  int64_t produced_ = 0;
};

class GzipBytes : public Decompressed {
 public:
  using Decompressed::Decompressed;
  ~GzipBytes() override {
    if (started_) inflateEnd(&stream_);
  }
  GzipBytes(const GzipBytes&) = delete;
  GzipBytes& operator=(const GzipBytes&) = delete;

 protected:
  Result<size_t> decompress(char* out, size_t n) override {
    if (!started_) {
      constexpr int kGzip = 16 + MAX_WBITS;
      if (inflateInit2(&stream_, kGzip) != Z_OK) return Status::internal("zlib does not start");
      started_ = true;
    }
    // Writers to tapes and disks fill up with zeros.
    if (boundary_ && any_member_) begin_ = end_of_zeros();
    if (begin_ == end_) return size_t{0};
    if (boundary_) {  // the next member
      if (inflateReset(&stream_) != Z_OK) return Status::internal("zlib does not reset");
      boundary_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data() + begin_);
    stream_.avail_in = static_cast<uInt>(end_ - begin_);
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(n);
    const int answer = inflate(&stream_, Z_NO_FLUSH);
    begin_ = end_ - stream_.avail_in;
    if (answer == Z_STREAM_END) boundary_ = any_member_ = true;
    if (answer != Z_OK && answer != Z_STREAM_END && answer != Z_BUF_ERROR) {
      return damaged(stream_.msg == nullptr ? "" : stream_.msg);
    }
    return n - stream_.avail_out;
  }

 private:
  size_t end_of_zeros() const {
    size_t at = begin_;
    while (at < end_ && input_[at] == 0) ++at;
    return at;
  }

  bool any_member_ = false;
  z_stream stream_{};
  bool started_ = false;
};

class ZstdBytes : public Decompressed {
 public:
  using Decompressed::Decompressed;
  ~ZstdBytes() override { ZSTD_freeDStream(stream_); }
  ZstdBytes(const ZstdBytes&) = delete;
  ZstdBytes& operator=(const ZstdBytes&) = delete;

 protected:
  Result<size_t> decompress(char* out, size_t n) override {
    if (stream_ == nullptr) stream_ = ZSTD_createDStream();
    ZSTD_inBuffer in{input_.data() + begin_, end_ - begin_, 0};
    ZSTD_outBuffer to{out, n, 0};
    const size_t answer = ZSTD_decompressStream(stream_, &to, &in);
    begin_ += in.pos;
    if (ZSTD_isError(answer) != 0) return damaged(ZSTD_getErrorName(answer));
    if (in.pos > 0 || to.pos > 0) boundary_ = answer == 0;
    return to.pos;
  }

 private:
  ZSTD_DStream* stream_ = nullptr;
};

// What a file is by its first bytes.
enum class Content : uint8_t { plain, gzip, zstd };

// 0x184D2A50 to 0x184D2A5F, little endian: frames that hold data for others, to be skipped.
bool is_skippable_frame(std::string_view head) {
  return head.size() >= 4 && (head[0] & '\xf0') == '\x50' && head.substr(1, 3) == "\x2a\x4d\x18";
}

struct Foreign {
  std::string_view magic;
  std::string_view name;
};
// Nothing that a file of lines begins with: it would be read as lines without sense.
constexpr Foreign kForeign[] = {
    {std::string_view("\xfd\x37\x7a\x58\x5a\0", 6), "xz"},
    {"\x04\x22\x4d\x18", "lz4"},
    {"\x1f\x9d", "compress (.Z)"},
    {"\x1f\xa0", "compress (.Z)"},
    {"\x37\x7a\xbc\xaf\x27\x1c", "7z"},
    {"\xff\x06\x00\x00sNaPpY", "snappy"},
    {"PK\x03\x04", "zip"},
    {"Obj\x01", "Avro"},
    {"PAR1\x15", "Parquet"},
};

std::string_view foreign_name(std::string_view head) {
  for (const Foreign& foreign : kForeign) {
    if (head.starts_with(foreign.magic)) return foreign.name;
  }
  // bzip2: a digit, then a block or the end of all.
  if (head.size() < 10 || !head.starts_with("BZh")) return {};
  const std::string_view block = head.substr(4, 6);
  return block == "1AY&SY" || block == "\x17\x72\x45\x38\x50\x90" ? "bzip2" : "";
}

bool ends_with_ignoring_case(std::string_view path, std::string_view end) {
  if (path.size() < end.size()) return false;
  const std::string_view last = path.substr(path.size() - end.size());
  return std::equal(last.begin(), last.end(), end.begin(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

Result<Content> content_of(std::string_view head, const std::string& path) {
  constexpr std::string_view kGzip = "\x1f\x8b";
  constexpr std::string_view kZstd = "\x28\xb5\x2f\xfd";
  if (head.starts_with(kGzip)) return Content::gzip;
  if (head.starts_with(kZstd) || is_skippable_frame(head)) return Content::zstd;
  // Cut off before it could say what it is.
  const bool cut = !head.empty() && ((kGzip.starts_with(head) && ends_with_ignoring_case(path, ".gz")) ||
                                     (kZstd.starts_with(head) && ends_with_ignoring_case(path, ".zst")));
  if (cut) {
    return Status::external(Code::data_loss,
                            fmt::format("'{}' ends in the middle of its compressed data", path));
  }
  const std::string_view foreign = foreign_name(head);
  if (foreign.empty()) return Content::plain;
  return Status::user(
      Code::unimplemented,
      fmt::format("'{}' is a file of {}: files of lines are read, plain, gzip or zstd", path, foreign));
}

}  // namespace

Result<std::unique_ptr<ByteSource>> ByteSource::open(FileSystem& fs, const std::string& path,
                                                     double max_ratio) {
  RF_ASSIGN(std::unique_ptr<ReadableFile> file, fs.open(path));
  char bytes[kHead] = {};
  RF_ASSIGN(const size_t got, file->read(0, sizeof(bytes), bytes));
  RF_ASSIGN(const Content content, content_of(std::string_view(bytes, got), path));
  switch (content) {
    case Content::gzip:
      return std::unique_ptr<ByteSource>(std::make_unique<GzipBytes>(std::move(file), path, max_ratio));
    case Content::zstd:
      return std::unique_ptr<ByteSource>(std::make_unique<ZstdBytes>(std::move(file), path, max_ratio));
    case Content::plain:
      break;
  }
  return std::unique_ptr<ByteSource>(std::make_unique<PlainBytes>(std::move(file)));
}

}  // namespace rideflow
