#include "operators/json/json_learned_template.h"

#include <algorithm>

#include "operators/json/json_decoder.h"

namespace rideflow {

size_t JsonLearnedTemplate::match(std::span<const RecordText> records, size_t row, bool* ascii) {
  if (template_ == nullptr) return 0;
  const size_t matched = template_->match(records, row, ascii);
  records_ += static_cast<int64_t>(matched);
  return matched;
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
  using Next = TemplateRun::Next;
  const auto quoted = [](Form form) { return form == Form::fixed || form == Form::text; };
  const auto next = [](Form form) {
    return form == Form::text ? Next::text : form == Form::scalar ? Next::scalar : Next::any;
  };
  auto made = std::make_unique<JsonTemplate>();
  for (size_t i = 0; i < steps.size(); ++i) {
    if (i > 0 && quoted(values_[i - 1].form)) made->add_literal("\"");
    made->add_literal(std::string_view(literals).substr(steps[i].literal, steps[i].size));
    if (i == values_.size()) break;
    const Value& value = values_[i];
    if (quoted(value.form)) made->add_literal("\"");
    const JsonTemplate::Place place =
        value.form == Form::fixed ? made->add_string(*value.first_size) : made->add_value(next(value.form));
    if (steps[i].node != nullptr) made->read(place, steps[i].node->marks.data());
  }
  made->finish();
  template_ = std::move(made);
}

}  // namespace rideflow
