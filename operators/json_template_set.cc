#include "operators/json_template_set.h"

#include <algorithm>

#include "operators/json_decoder.h"

namespace rideflow {

JsonTemplate::Match JsonTemplateSet::match(std::string_view record, size_t row) {
  for (size_t n = 0; n < variants_.size(); ++n) {
    const size_t index = last_ + n < variants_.size() ? last_ + n : last_ + n - variants_.size();
    Variant& variant = variants_[index];
    if (variant.form == nullptr) continue;
    const JsonTemplate::Match match = variant.form->matches(record, starts_.data());
    if (match == JsonTemplate::Match::no) continue;
    if (!read_values(variant, row)) break;
    ++variant.records;
    last_ = index;
    return match;
  }
  return JsonTemplate::Match::no;
}

bool JsonTemplateSet::read_values(const Variant& variant, size_t row) const {
  for (const Value& value : variant.values) {
    const char* const begin = starts_[value.place.begin_step] + value.place.begin;
    const char* const end = starts_[value.place.end_step] + value.place.end;
    const JsonMark mark{begin, static_cast<uint32_t>(end - begin),
                        value.text ? JsonMark::Kind::text : JsonMark::Kind::bare};
    if (!value.node->marks.empty()) {
      value.node->marks[row] = mark;
    } else if (!mark.to_token(value.node->token)) {
      return false;
    }
  }
  return true;
}

void JsonTemplateSet::learn(const std::string& literals, const std::vector<JsonStep>& steps,
                            std::span<const JsonSeen> values) {
  const auto is_text = [](const JsonSeen& seen) { return seen.type == JsonType::string; };
  // No template has arrays.
  if (std::any_of(values.begin(), values.end(), [](const JsonSeen& s) { return s.type == JsonType::array; }))
    return;
  auto found = std::find_if(variants_.begin(), variants_.end(), [&](const Variant& variant) {
    return std::equal(
        values.begin(), values.end(), variant.lengths.begin(),
        [&](const JsonSeen& seen, const Length& length) { return is_text(seen) == length.text; });
  });
  if (found == variants_.end()) {
    if (variants_.size() == kVariants) return;
    found = variants_.emplace(variants_.end());
    for (const JsonSeen& seen : values) {
      found->lengths.emplace_back();
      found->lengths.back().first = seen.size;
      found->lengths.back().text = is_text(seen);
    }
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].size != found->lengths[i].first) ++found->lengths[i].others;
  }
  ++found->records;
  if (found->records >= (found->form ? kJudgement : kFirstJudgement)) judge(*found, literals, steps);
}

// Makes the template anew where a length turns out to vary; the first time, where it does not.
void JsonTemplateSet::judge(Variant& variant, const std::string& literals,
                            const std::vector<JsonStep>& steps) {
  bool changed = variant.form == nullptr;
  for (Length& length : variant.lengths) {
    const bool constant = length.others * kFewOthers < variant.records;
    if (variant.form == nullptr) length.fixed = length.text && constant;
    changed = changed || (length.fixed && !constant);
    length.fixed = length.fixed && constant;
    length.others = 0;
  }
  variant.records = 0;
  if (!changed) return;
  auto form = std::make_unique<JsonTemplate>();
  variant.values.clear();
  for (size_t i = 0; i < steps.size(); ++i) {
    const JsonStep& step = steps[i];
    const Length* const length = i < variant.lengths.size() ? &variant.lengths[i] : nullptr;
    if (i > 0 && variant.lengths[i - 1].text) form->add_literal("\"");
    form->add_literal(std::string_view(literals).substr(step.literal, step.size));
    if (length == nullptr) break;
    if (length->text) form->add_literal("\"");
    const JsonTemplate::Place place = length->fixed  ? form->add_string(length->first)
                                      : length->text ? form->add_value(TemplateStep::Next::text)
                                                     : form->add_value(TemplateStep::Next::scalar);
    if (step.node != nullptr) variant.values.push_back({step.node, length->text, place});
  }
  form->finish();
  starts_.resize(std::max(starts_.size(), form->steps()));
  variant.form = std::move(form);
}

}  // namespace rideflow
