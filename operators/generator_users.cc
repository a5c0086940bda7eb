// Users: sign-ups and ratings with the user's document (kind users), or the documents alone (users_schema).
#include <algorithm>
#include <array>

#include "operators/generator_cities.h"
#include "operators/generator_kinds.h"
#include "operators/generator_text.h"

namespace rideflow::generator {
namespace {

template <size_t N>
std::string_view pick(Random& random, const std::array<std::string_view, N>& words) {
  return words[static_cast<size_t>(random.below(N))];
}

constexpr std::array<std::string_view, 16> kWomen = {"Amara", "Beatriz", "Chloe",  "Divya", "Elena", "Fatima",
                                                     "Grace", "Hana",    "Ingrid", "Julia", "Keiko", "Leila",
                                                     "Maria", "Ngozi",   "Olga",   "Priya"};
constexpr std::array<std::string_view, 16> kMen = {"Ahmed", "Bruno",  "Carlos", "Diego", "Emeka", "Felipe",
                                                   "Georg", "Hassan", "Ivan",   "Jakub", "Kenji", "Liam",
                                                   "Mateo", "Noah",   "Omar",   "Pedro"};
constexpr std::array<std::string_view, 20> kLast = {
    "Adeyemi", "Bauer", "Costa",  "Dubois", "Eriksson", "Ferrari", "Garcia", "Hughes", "Ito",    "Jansen",
    "Kumar",   "Lopez", "Mensah", "Novak",  "Okafor",   "Petrov",  "Rossi",  "Silva",  "Tanaka", "Williams"};
constexpr std::array<std::string_view, 10> kStreets = {
    "Station Road", "Park Lane",     "High Street", "Mill Road",   "River Street",
    "Church Lane",  "Market Square", "Garden Row",  "Hill Street", "Bridge Road"};
constexpr std::array<std::string_view, 5> kLoyalty = {"Bronze", "Silver", "Gold", "Platinum", "Diamond"};
constexpr std::array<std::string_view, 6> kBanks = {"First Harbour Bank", "Union Trust", "Meridian Bank",
                                                    "Northern Savings",   "City Mutual", "Delta Credit"};
constexpr std::array<std::string_view, 4> kCards = {"VISA", "Mastercard", "Maestro", "American Express"};
struct Model {
  std::string_view make, model, category;
};
constexpr std::array<Model, 8> kModels = {{{"Toyota", "Corolla", "Economy"},
                                           {"Toyota", "Prius", "Comfort"},
                                           {"Volkswagen", "Golf", "Economy"},
                                           {"Skoda", "Superb", "Comfort"},
                                           {"Tesla", "Model 3", "Premium"},
                                           {"Mercedes-Benz", "E-Class", "Premium"},
                                           {"Hyundai", "Ioniq 5", "Comfort"},
                                           {"Kia", "Carnival", "Van"}}};

void field(Writer& w, std::string_view name, std::string_view value) {
  w.text(",\"");
  w.text(name);
  w.text("\":\"");
  w.text(value);
  *w.p++ = '"';
}

void name_of_field(Writer& w, std::string_view name) {
  w.text(",\"");
  w.text(name);
  w.text("\":");
}

void digits(Writer& w, Random& random, int count) {
  for (; count > 0; --count) *w.p++ = static_cast<char>('0' + random.below(10));
}

void lower(Writer& w, std::string_view s) {
  for (const char c : s) *w.p++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Version 4 form, from 122 bits that no other user of the seed is likely to have.
void uuid(Writer& w, uint64_t seed, int64_t user) {
  const uint64_t high = mix64(seed ^ mix64(static_cast<uint64_t>(user) + 0x1111));
  const uint64_t low = mix64(seed ^ mix64(static_cast<uint64_t>(user) + 0x2222));
  w.hex(high >> 32, 8);
  *w.p++ = '-';
  w.hex(high >> 16, 4);
  w.text("-4");
  w.hex(high, 3);
  *w.p++ = '-';
  *w.p++ = "89ab"[low >> 62];
  w.hex(low >> 48, 3);
  *w.p++ = '-';
  w.hex(low, 12);
}
constexpr int kUuidLength = 36;

class UserDocuments : public EventGenerator {
 protected:
  explicit UserDocuments(const GeneratorOptions& options) : EventGenerator(options) {}

  static bool is_driver(uint64_t seed, int64_t user) {
    return mix64(seed ^ mix64(static_cast<uint64_t>(user) + 0x3333)) % 10 < 3;
  }

  // The document of `user`, whose created_at ends it when it stands alone at the end of a record.
  void write_document(Writer& w, int64_t user, Micros created) const {
    Random random(seed_ ^ mix64(static_cast<uint64_t>(user)));
    const bool driver = is_driver(seed_, user);
    const bool woman = (random.next() & 1) != 0;
    const std::string_view first = woman ? pick(random, kWomen) : pick(random, kMen);
    const std::string_view last = pick(random, kLast);
    const int where = city_by_share(random.next());
    w.text("{\"_id\":\"");
    w.hex(mix64(id_seed_ ^ static_cast<uint64_t>(user)), 16);
    w.hex(static_cast<uint64_t>(user), 8);
    w.text("\",\"user_id\":\"");
    uuid(w, id_seed_, user);
    *w.p++ = '"';
    field(w, "first_name", first);
    field(w, "last_name", last);
    name_of_field(w, "user_name");
    *w.p++ = '"';
    lower(w, first);
    *w.p++ = '.';
    lower(w, last);
    w.integer(user);
    w.text("\",\"phone_number\":\"+");
    w.integer(random.between(1, 98));
    *w.p++ = '-';
    digits(w, random, 9);
    w.text("\",\"date_of_birth\":\"");
    w.date(random.between(-6'500, 13'000));  // 1952 to 2005
    *w.p++ = '"';
    field(w, "gender", woman ? "F" : "M");
    name_of_field(w, "address");
    *w.p++ = '"';
    w.integer(random.between(1, 240));
    *w.p++ = ' ';
    w.text(pick(random, kStreets));
    w.text(", ");
    w.text(city(where).name);
    w.text("\",\"user_rating\":");
    w.fixed(random.between(350, 500), 2);
    w.text(",\"created_at\":\"");
    w.timestamp(created);
    w.text("\",\"is_active\":");
    w.text(random.below(20) == 0 ? "false" : "true");
    field(w, "user_type", driver ? "driver" : "customer");
    field(w, "user_schema_version", "1.0");
    name_of_field(w, "email");
    *w.p++ = '"';
    lower(w, first);
    *w.p++ = '.';
    lower(w, last);
    w.integer(user);
    w.text("@example.com\"");
    if (driver) {
      write_driver(w, random, where, user);
    } else {
      write_customer(w, random);
    }
    *w.p++ = '}';
  }

 private:
  static void write_driver(Writer& w, Random& random, int where, int64_t user) {
    w.text(",\"driver_license_number\":\"DL");
    digits(w, random, 9);
    w.text("\",\"driver_rating_count\":");
    w.integer(random.below(5'000));
    w.text(",\"years_of_experience\":");
    w.integer(random.between(1, 30));
    const Model& model = kModels[static_cast<size_t>(random.below(kModels.size()))];
    w.text(",\"driver_vehicle_schema\":{\"vehicle_id\":\"");
    w.id('v', where, user);
    w.text("\",\"vehicle_identification_number\":\"");
    for (int i = 0; i < 17; ++i) *w.p++ = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"[random.below(33)];
    w.text("\",\"vehicle_license_plate\":\"");
    for (int i = 0; i < 3; ++i) *w.p++ = static_cast<char>('A' + random.below(26));
    *w.p++ = '-';
    digits(w, random, 4);
    *w.p++ = '"';
    field(w, "vehicle_make", model.make);
    field(w, "vehicle_model", model.model);
    field(w, "vehicle_category", model.category);
    name_of_field(w, "vehicle_model_year");
    w.integer(random.between(2008, 2026));
    w.text("},\"payment_details\":{\"bank_name\":\"");
    w.text(pick(random, kBanks));
    w.text("\",\"account_holder_name\":\"holder ");
    w.integer(user);
    w.text("\",\"account_number\":\"");
    digits(w, random, 12);
    w.text("\",\"routing_number\":\"");
    digits(w, random, 9);
    w.text("\"}");
  }

  static void write_customer(Writer& w, Random& random) {
    const int64_t level = std::min(random.below(5), random.below(5));
    field(w, "customer_loyalty_status", kLoyalty[static_cast<size_t>(level)]);
    name_of_field(w, "total_rides");
    w.integer(random.between(level * 40, level * 80 + 40));
    name_of_field(w, "average_fare_amount");
    w.fixed(random.between(600, 4500), 2);
    w.text(",\"credit_card\":{\"card_number\":\"");
    digits(w, random, 16);
    *w.p++ = '"';
    field(w, "card_provider", pick(random, kCards));
    w.text(",\"expiration_date\":\"");
    w.two(random.between(1, 12));
    *w.p++ = '/';
    w.two(random.between(27, 33));
    w.text("\",\"security_code\":\"");
    digits(w, random, 3);
    w.text("\"}");
  }
};

// Of every five events three are sign-ups; the others are ratings by users who signed up before.
class Users : public UserDocuments {
 public:
  explicit Users(const GeneratorOptions& options) : UserDocuments(options) {}

 protected:
  Clean write_clean(int64_t index, char*& out) const override {
    const int64_t round = index / 5;
    const int64_t within = index % 5;
    const bool signup = within < 3;
    Random random(seed_ ^ mix64(static_cast<uint64_t>(index) + 0x4444));
    const int64_t user = signup ? round * 3 + within : random.below(round * 3 + 3);
    const bool driver = is_driver(seed_, user);
    const Micros time = shifted(index, turn(index), signup ? kEndOfTime : 0);
    Micros created = time;
    if (!signup) {
      const int64_t signup_index = user / 3 * 5 + user % 3;
      created = shifted(signup_index, turn(signup_index), kEndOfTime);
    }
    Writer w{out};
    w.text("{\"user_id\":\"");
    const auto key_offset = static_cast<int32_t>(w.p - out);
    uuid(w, id_seed_, user);
    w.text("\",\"event_type\":\"");
    w.text(signup ? (driver ? "new_driver_signup" : "new_customer_signup")
                  : (driver ? "driver_rating_submission" : "customer_rating_submission"));
    w.text("\",\"rating\":");
    if (signup) {
      w.text("null");
    } else {
      w.integer(std::max(random.between(1, 5), random.between(1, 5)));
    }
    w.text(",\"user\":");
    write_document(w, user, created);
    w.text(",\"event_timestamp\":\"");
    w.timestamp(time);
    w.text("\"}");
    out = w.p;
    return {time, key_offset, kUuidLength};
  }
};

class UsersSchema : public UserDocuments {
 public:
  explicit UsersSchema(const GeneratorOptions& options) : UserDocuments(options) {}

 protected:
  Clean write_clean(int64_t index, char*& out) const override {
    const Micros time = shifted(index, turn(index), kEndOfTime);
    Writer w{out};
    write_document(w, index, time);
    const std::string_view text(out, static_cast<size_t>(w.p - out));
    constexpr std::string_view kKey = "\"user_id\":\"";
    out = w.p;
    return {time, static_cast<int32_t>(text.find(kKey) + kKey.size()), kUuidLength};
  }
};

}  // namespace

std::unique_ptr<EventGenerator> make_users(const GeneratorOptions& options) {
  return std::make_unique<Users>(options);
}

std::unique_ptr<EventGenerator> make_users_schema(const GeneratorOptions& options) {
  return std::make_unique<UsersSchema>(options);
}

}  // namespace rideflow::generator
