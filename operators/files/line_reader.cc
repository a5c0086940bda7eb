#include "operators/files/line_reader.h"

#include <algorithm>
#include <cstring>

namespace rideflow {

namespace {
constexpr size_t kLongest = size_t{64} << 20;
}

Status LineReader::skip_to(int64_t offset) {
  std::vector<char> scratch(64 << 10);
  while (offset_ < offset) {
    const size_t want = std::min(scratch.size(), static_cast<size_t>(offset - offset_));
    RF_ASSIGN(const size_t got, bytes_->read(scratch.data(), want));
    if (got == 0) {
      return Status::external(Code::data_loss,
                              "the file is shorter than what was already read of it: was it replaced?");
    }
    offset_ += static_cast<int64_t>(got);
  }
  return {};
}

Result<bool> LineReader::read(int32_t budget, Origin& out) {
  for (;;) {
    if (cut(budget, out)) return true;
    bool at_end = false;
    RF_TRY(refill(at_end));
    if (at_end) return false;
  }
}

bool LineReader::read_tail(Origin& out) {
  if (begin_ == end_) return false;
  const size_t before = out.records.size();
  add(begin_, end_, out);
  offset_ += static_cast<int64_t>(end_ - begin_);
  begin_ = scanned_ = end_;
  out.arena = arena_;
  return out.records.size() > before;
}

bool LineReader::cut(int32_t budget, Origin& out) {
  const size_t before = out.records.size();
  while (out.records.size() - before < static_cast<size_t>(budget) && scanned_ < end_) {
    const void* const found = std::memchr(data() + scanned_, '\n', end_ - scanned_);
    if (found == nullptr) {
      scanned_ = end_;
      break;
    }
    const auto line_end = static_cast<size_t>(static_cast<const char*>(found) - data());
    add(begin_, line_end, out);
    offset_ += static_cast<int64_t>(line_end + 1 - begin_);
    begin_ = scanned_ = line_end + 1;
  }
  if (out.records.size() == before) return false;
  out.arena = arena_;
  return true;
}

void LineReader::add(size_t begin, size_t end, Origin& out) {
  std::string_view line(data() + begin, end - begin);
  if (offset_ == 0 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.size() > kMaxLine) line = line.substr(0, kMaxLine + 1);
  if (line.empty()) return;
  out.records.push_back({line, offset_, kNoTime, {}});
}

// More bytes behind what is left, in a new arena: batches may still point into the old one.
Status LineReader::refill(bool& at_end) {
  const size_t left = end_ - begin_;
  if (left > kLongest) {
    return Status::user(Code::resource_exhausted,
                        "a line is longer than 64 MiB: is this a file of lines at all?");
  }
  const size_t size = std::max(kBlockBytes, left * 2);
  BufferRef arena = BufferRef::allocate(size);
  if (left > 0) std::memcpy(arena.mutable_data(), data() + begin_, left);
  RF_ASSIGN(const size_t got, bytes_->read(arena.as_mutable<char>() + left, size - left));
  at_end = got == 0;
  if (at_end) return {};
  scanned_ = left;
  begin_ = 0;
  end_ = left + got;
  arena.set_size(end_);
  arena_ = std::move(arena);
  return {};
}

}  // namespace rideflow
