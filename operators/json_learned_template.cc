#include "operators/json_learned_template.h"

#include <algorithm>

#include "operators/json_decoder.h"

namespace rideflow {

JsonTemplate::Match JsonLearnedTemplate::match(std::string_view record, size_t row) {
  if (template_ == nullptr) return JsonTemplate::Match::no;
  const JsonTemplate::Match match = template_->matches(record, starts_.data());
  if (match == JsonTemplate::Match::no || !read_values(row)) return JsonTemplate::Match::no;
  ++records_;
  return match;
}

bool JsonLearnedTemplate::read_values(size_t row) const {
  for (const Read& value : reads_) {
    const char* begin = starts_[value.place.begin_step] + value.place.begin;
    const char* end = starts_[value.place.end_step] + value.place.end;
    bool text = value.form != Form::scalar;
    if (value.form == Form::any) {
      text = *begin == '"';
      begin += text ? 1 : 0;
      end -= text ? 1 : 0;
    }
    const JsonMark mark{begin, static_cast<uint32_t>(end - begin),
                        text ? JsonMark::Kind::text : JsonMark::Kind::bare};
    if (value.marks != nullptr) {
      value.marks[row] = mark;
    } else if (!mark.to_token(value.node->token)) {
      return false;
    }
  }
  return true;
}

void JsonLearnedTemplate::learn(const std::string& literals, const std::vector<JsonStep>& steps,
                                std::span<const JsonSeen> values) {
  // No template has arrays.
  if (std::any_of(values.begin(), values.end(), [](const JsonSeen& s) { return s.type == JsonType::array; }))
    return;
  values_.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    Value& value = values_[i];
    if (values[i].type != JsonType::string) {
      ++value.scalars;
      continue;
    }
    if (!value.first_size) value.first_size = values[i].size;
    ++value.texts;
    if (values[i].size != *value.first_size) ++value.other_sizes;
  }
  if (++records_ >= (template_ ? kJudgement : kFirstJudgement)) judge(literals, steps);
}

// Makes the template, and makes it anew where a value turns out to be of another form.
void JsonLearnedTemplate::judge(const std::string& literals, const std::vector<JsonStep>& steps) {
  bool changed = template_ == nullptr;
  for (Value& value : values_) changed = judge(value) || changed;
  records_ = 0;
  if (changed) build(literals, steps);
}

bool JsonLearnedTemplate::judge(Value& value) const {
  const Form before = value.form;
  const bool some_scalars = value.scalars * kFewKinds >= records_;
  const bool some_texts = value.texts * kFewKinds >= records_;
  // What was refused tells nothing of what was accepted: a form only ever takes in more, but for the first.
  if (template_ == nullptr && !some_texts) {
    value.form = Form::scalar;
  } else if (value.form == Form::scalar ? some_texts : some_scalars) {
    value.form = Form::any;
  } else if (value.form == Form::fixed && value.other_sizes * kFewSizes >= records_) {
    value.form = Form::text;
  }
  value.texts = value.other_sizes = value.scalars = 0;
  return value.form != before;
}

void JsonLearnedTemplate::build(const std::string& literals, const std::vector<JsonStep>& steps) {
  const auto quoted = [](Form form) { return form == Form::fixed || form == Form::text; };
  auto made = std::make_unique<JsonTemplate>();
  reads_.clear();
  for (size_t i = 0; i < steps.size(); ++i) {
    if (i > 0 && quoted(values_[i - 1].form)) made->add_literal("\"");
    made->add_literal(std::string_view(literals).substr(steps[i].literal, steps[i].size));
    if (i == values_.size()) break;
    const Value& value = values_[i];
    if (quoted(value.form)) made->add_literal("\"");
    const JsonTemplate::Place place = value.form == Form::fixed  ? made->add_string(*value.first_size)
                                      : value.form == Form::text ? made->add_value(TemplateStep::Next::text)
                                      : value.form == Form::scalar
                                          ? made->add_value(TemplateStep::Next::scalar)
                                          : made->add_value(TemplateStep::Next::any);
    JsonNode* const node = steps[i].node;
    if (node != nullptr)
      reads_.push_back({node, node->marks.empty() ? nullptr : node->marks.data(), value.form, place});
  }
  made->finish();
  starts_.resize(made->steps());
  template_ = std::move(made);
}

}  // namespace rideflow
