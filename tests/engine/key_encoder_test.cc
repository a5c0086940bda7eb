#include "engine/key_encoder.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

namespace rideflow {
namespace key_encoder_test {

Batch batch_of(const std::vector<Type>& types, const std::vector<std::vector<Value>>& rows) {
  Batch batch;
  std::vector<Field> fields;
  for (size_t c = 0; c < types.size(); ++c) {
    ColumnBuilder builder(types[c]);
    for (const auto& row : rows) builder.append_value(row[c]);
    batch.columns.push_back(builder.finish());
    fields.push_back({"c" + std::to_string(c), types[c], true});
  }
  batch.schema = make_schema(std::move(fields));
  batch.rows = static_cast<int32_t>(rows.size());
  return batch;
}

// Every row decodes to itself; rows have equal bytes and hashes exactly when their values are equal.
void check_keys(const std::vector<Type>& types, const std::vector<std::vector<Value>>& rows) {
  const Batch batch = batch_of(types, rows);
  std::vector<int> columns;
  for (size_t i = 0; i < types.size(); ++i) columns.push_back(static_cast<int>(i));
  KeyEncoder encoder(types);
  const auto keys = encoder.encode(batch, columns);
  const BufferRef hashes = hash_keys(batch, columns);
  std::vector<ColumnBuilder> builders;
  for (const Type& t : types) builders.emplace_back(t);
  for (size_t a = 0; a < rows.size(); ++a) {
    EXPECT_EQ(hashes.as<uint64_t>()[a], hash_key(keys[a].view()));
    ASSERT_TRUE(encoder.decode(keys[a].view(), builders, 0).ok());
    for (size_t b = 0; b < rows.size(); ++b) {
      EXPECT_EQ(keys[a] == keys[b], rows[a] == rows[b]) << a << " " << b;
      EXPECT_EQ(keys[a].view() == keys[b].view(), rows[a] == rows[b]) << a << " " << b;
    }
  }
  for (size_t c = 0; c < types.size(); ++c) {
    const Column column = builders[c].finish();
    for (size_t r = 0; r < rows.size(); ++r) EXPECT_EQ(value_at(column, static_cast<int64_t>(r)), rows[r][c]);
  }
}

TEST(KeyEncoder, OneStringColumn) {
  check_keys({Kind::string}, {{Value::string("Lyon")},
                              {Value::string("")},
                              {Value::null()},
                              {Value::string("null")},
                              {Value::string("exactly 12 b")},
                              {Value::string("exactly 13 by")},
                              {Value::string("exactly 13 bY")},
                              {Value::string("Lyon")},
                              {Value::string("a city with a long name")},
                              {Value::string("a city with a long name")}});
}

TEST(KeyEncoder, OneFixedColumn) {
  check_keys(
      {Kind::int64},
      {{Value::int64(0)}, {Value::null()}, {Value::int64(-1)}, {Value::int64(INT64_MIN)}, {Value::int64(0)}});
  check_keys({Kind::int32}, {{Value::int32(7)}, {Value::null()}, {Value::int32(-7)}});
  check_keys({Kind::boolean}, {{Value::boolean(true)}, {Value::boolean(false)}, {Value::null()}});
  check_keys({Kind::float64}, {{Value::float64(0.0)},
                               {Value::float64(-0.0)},
                               {Value::float64(std::nan("1"))},
                               {Value::float64(-std::nan("2"))},
                               {Value::float64(1.5)},
                               {Value::null()}});
  check_keys({Kind::timestamp}, {{Value::timestamp(5)}, {Value::timestamp(-5)}, {Value::null()}});
  check_keys({Type::decimal(10, 2)},
             {{Value::make_decimal(150, 2)}, {Value::make_decimal(-150, 2)}, {Value::null()}});
}

TEST(KeyEncoder, SeveralColumns) {
  check_keys({Kind::string, Kind::string}, {{Value::string("a"), Value::string("bc")},
                                            {Value::string("ab"), Value::string("c")},
                                            {Value::null(), Value::string("abc")},
                                            {Value::string("abc"), Value::null()},
                                            {Value::string(""), Value::string("abc")},
                                            {Value::string("a"), Value::string("bc")}});
  check_keys({Kind::int32, Kind::float64, Kind::date, Kind::bytes},
             {{Value::int32(1), Value::float64(-0.0), Value::date(3), Value::bytes("x")},
              {Value::int32(1), Value::float64(0.0), Value::date(3), Value::bytes("x")},
              {Value::int32(1), Value::null(), Value::null(), Value::null()},
              {Value::null(), Value::null(), Value::null(), Value::null()}});
}

TEST(KeyEncoder, NoColumnsIsOneKey) {
  const Batch batch = batch_of({Kind::int64}, {{Value::int64(1)}, {Value::int64(2)}});
  KeyEncoder encoder;
  const auto keys = encoder.encode(batch, {});
  EXPECT_TRUE(keys[0] == keys[1]);
  std::vector<ColumnBuilder> none;
  EXPECT_TRUE(encoder.decode("", none, 0).ok());
  EXPECT_FALSE(encoder.decode("x", none, 0).ok());
}

TEST(KeyEncoder, DamagedKeysAreErrors) {
  std::vector<ColumnBuilder> builders;
  builders.emplace_back(Kind::int64);
  builders.emplace_back(Kind::string);
  EXPECT_EQ(KeyEncoder({Kind::int64}).decode("123", builders, 0).code(), Code::data_loss);
  EXPECT_EQ(KeyEncoder({Kind::int64, Kind::string}).decode("", builders, 0).code(), Code::data_loss);
  EXPECT_EQ(
      KeyEncoder({Kind::int64, Kind::string}).decode(std::string("\0 12345678 \xff", 11), builders, 0).code(),
      Code::data_loss);
  EXPECT_FALSE(KeyEncoder::check(Type::list(Kind::int64)).ok());
  EXPECT_TRUE(KeyEncoder::check(Kind::string).ok());
}

}  // namespace key_encoder_test
}  // namespace rideflow
