#include "operators/files/line_reader.h"

#include <algorithm>
#include <cstring>

namespace rideflow {

namespace {
constexpr size_t kLongest = size_t{64} << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
}  // namespace

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

Result<std::optional<int64_t>> LineReader::skip_line() {
  for (;;) {
    const size_t found = find('\n', begin_, end_);
    if (found != kNone) {
      const auto skipped = static_cast<int64_t>(found + 1 - begin_);
      offset_ += skipped;
      begin_ = scanned_ = found + 1;
      return std::optional<int64_t>(skipped);
    }
    bool at_end = false;
    RF_TRY(refill(at_end));
    if (at_end) return std::optional<int64_t>();
  }
}

bool LineReader::read_tail(Origin& out) {
  if (begin_ == end_) return false;
  const size_t before = out.records.size();
  scanned_ = begin_;
  while (begin_ < end_) {
    // A quote that is not closed by now never will be: more than one record may be left.
    const size_t found = record_end(/*at_tail=*/true);
    const size_t last = std::min(found, end_);
    add(begin_, last, out);
    const size_t next = std::min(last + 1, end_);
    offset_ += static_cast<int64_t>(next - begin_);
    begin_ = scanned_ = next;
  }
  out.arena = arena_;
  return out.records.size() > before;
}

bool LineReader::cut(int32_t budget, Origin& out) {
  const size_t before = out.records.size();
  while (out.records.size() - before < static_cast<size_t>(budget) && scanned_ < end_) {
    const size_t last = record_end(/*at_tail=*/false);
    if (last == kNone) {
      scanned_ = end_;
      break;
    }
    add(begin_, last, out);
    offset_ += static_cast<int64_t>(last + 1 - begin_);
    begin_ = scanned_ = last + 1;
  }
  if (out.records.size() == before) return false;
  out.arena = arena_;
  return true;
}

size_t LineReader::find(char c, size_t from, size_t to) const {
  const void* const found = from < to ? std::memchr(data() + from, c, to - from) : nullptr;
  return found == nullptr ? kNone : static_cast<size_t>(static_cast<const char*>(found) - data());
}

size_t LineReader::record_end(bool at_tail) {
  const bool has_quotes = framing_.quote != '\0';
  // A quote may span what was scanned before.
  const size_t line_end = find('\n', has_quotes ? begin_ : scanned_, end_);
  const bool plain = !has_quotes || find(framing_.quote, begin_, std::min(line_end, end_)) == kNone;
  return plain ? line_end : quoted_end(at_tail);
}

size_t LineReader::quoted_end(bool at_tail) const {
  const size_t line_end = find('\n', begin_, end_);
  const size_t limit = std::min(end_, begin_ + kMaxLine);
  // Without an end up to here it is too long, or the end is yet to come, or it is the end of the file.
  const size_t no_end = limit < end_ ? line_end : kNone;
  size_t at = begin_;
  if (offset_ == 0 && std::string_view(data() + at, limit - at).starts_with(kByteOrderMark)) at += 3;
  for (;;) {
    if (at < limit && data()[at] == framing_.quote) {
      ++at;
      for (;;) {
        at = find(framing_.quote, at, limit);
        if (at == kNone) return at_tail ? line_end : no_end;
        if (at + 1 >= limit) return no_end;
        if (data()[++at] != framing_.quote) break;
        ++at;
      }
      if (data()[at] == '\r' && at + 1 >= limit) return no_end;
      if (data()[at] == '\r' && data()[at + 1] == '\n') ++at;
      if (data()[at] != '\n' && data()[at] != framing_.delimiter) return line_end;  // the quotes are wrong
    } else {
      const size_t line = find('\n', at, limit);
      at = std::min(find(framing_.delimiter, at, std::min(line, limit)), line);
      if (at == kNone) return no_end;
    }
    if (data()[at] == '\n') return at;
    ++at;
  }
}

void LineReader::add(size_t begin, size_t end, Origin& out) {
  std::string_view line(data() + begin, end - begin);
  if (offset_ == 0 && line.starts_with(kByteOrderMark)) line.remove_prefix(3);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.size() > kMaxLine) line = line.substr(0, kMaxLine + 1);
  if (line.empty() && framing_.quote == '\0') return;
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
