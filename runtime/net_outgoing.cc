#include "runtime/net_outgoing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace rideflow {
namespace {

// IPv4 as ::ffff:a.b.c.d, so that both are compared alike.
using IpAddress = std::array<uint8_t, 16>;

IpAddress mapped_v4(const in_addr& v4) {
  IpAddress address{};
  address[10] = address[11] = 0xff;
  std::memcpy(address.data() + 12, &v4, 4);
  return address;
}

std::optional<IpAddress> parse_ip_address(const std::string& text) {
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return mapped_v4(v4);
  IpAddress address{};
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  return std::nullopt;
}

std::optional<IpAddress> ip_address_of(const void* bytes, size_t size) {
  sockaddr_storage storage{};
  if (size > sizeof(storage)) return std::nullopt;
  std::memcpy(&storage, bytes, size);
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, bytes, std::min(size, sizeof(v4)));
    return mapped_v4(v4.sin_addr);
  }
  if (storage.ss_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, bytes, std::min(size, sizeof(v6)));
  IpAddress address{};
  std::memcpy(address.data(), &v6.sin6_addr, address.size());
  return address;
}

struct IpNetwork {
  IpAddress address{};
  int bits = 128;
  bool holds(const IpAddress& other) const {
    for (int bit = 0; bit < bits; ++bit) {
      const auto at = static_cast<size_t>(bit / 8);
      if (((address[at] ^ other[at]) & (0x80 >> (bit % 8))) != 0) return false;
    }
    return true;
  }
};

bool is_link_local(const IpAddress& address) {
  static const IpNetwork v4{*parse_ip_address("169.254.0.0"), 96 + 16};
  static const IpNetwork v6{*parse_ip_address("fe80::"), 10};
  static const IpNetwork metadata_v6{*parse_ip_address("fd00:ec2::254"), 128};
  return v4.holds(address) || v6.holds(address) || metadata_v6.holds(address);
}

struct OutgoingHost {
  std::string host;  // lower case, without brackets
  std::string port;  // empty: any
};

// "host", "host:port", "[v6]:port", "v6".
OutgoingHost split_host_port(std::string_view text) {
  OutgoingHost out;
  const size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const bool bare_v6 = !bracketed && colon != std::string_view::npos && text.find(':') != colon;
  const size_t end = bracketed ? text.find(']') : std::string_view::npos;
  if (bracketed && end != std::string_view::npos) {
    out.host = text.substr(1, end - 1);
    if (colon > end && colon != std::string_view::npos) out.port = text.substr(colon + 1);
  } else if (!bare_v6 && colon != std::string_view::npos) {
    out.host = text.substr(0, colon);
    out.port = text.substr(colon + 1);
  } else {
    out.host = text;
  }
  std::transform(out.host.begin(), out.host.end(), out.host.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

struct AddressRule {
  OutgoingHost host;                 // a name, or an address as it was written
  std::optional<IpNetwork> network;  // of an address or ADDRESS/BITS
};

Result<AddressRule> parse_address_rule(const std::string& text) {
  const auto wrong = [&] {
    return Status::user(Code::invalid_argument,
                        fmt::format("--allow-address wants HOST, HOST:PORT or ADDRESS/BITS, not '{}'", text));
  };
  AddressRule rule;
  const size_t slash = text.find('/');
  if (slash != std::string::npos) {
    const std::optional<IpAddress> address = parse_ip_address(text.substr(0, slash));
    int bits = -1;
    const auto parsed = std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
    const bool v4 = text.find(':') == std::string::npos;
    if (!address || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || bits < 0 ||
        bits > (v4 ? 32 : 128)) {
      return wrong();
    }
    rule.network = IpNetwork{*address, bits + (v4 ? 96 : 0)};
    return rule;
  }
  rule.host = split_host_port(text);
  if (rule.host.host.empty() || text.find_first_of(" ,") != std::string::npos) return wrong();
  if (const std::optional<IpAddress> address = parse_ip_address(rule.host.host))
    rule.network = IpNetwork{*address, 128};
  return rule;
}

class AllowList {
 public:
  AllowList(std::vector<AddressRule> rules, std::string text)
      : rules_(std::move(rules)), text_(std::move(text)) {}

  // `address`: what the host resolved to; none: not known yet, so that rules for networks may still hold.
  bool allows(const OutgoingHost& to, const std::optional<IpAddress>& address) const {
    bool named = rules_.empty();
    bool in_network = false;
    for (const AddressRule& rule : rules_) {
      const bool port = rule.host.port.empty() || rule.host.port == to.port;
      if (rule.network) {
        in_network = in_network || (port && (address ? rule.network->holds(*address) : !is_literal(to)));
      } else {
        named = named || (port && rule.host.host == to.host);
      }
    }
    if (address && is_link_local(*address)) return in_network;
    return named || in_network;
  }

  Status refused(std::string_view host_port) const {
    return Status::user(
        Code::permission_denied,
        fmt::format("jobs may not connect to '{}' here ({}): start with --allow-address {} if they should",
                    host_port,
                    text_.empty() ? "link-local addresses hold the secrets of machines" : "allowed: " + text_,
                    host_port));
  }

 private:
  static bool is_literal(const OutgoingHost& to) { return parse_ip_address(to.host).has_value(); }

  std::vector<AddressRule> rules_;
  std::string text_;
};

}  // namespace

Result<std::shared_ptr<OutgoingAddresses>> outgoing_addresses(const std::vector<std::string>& texts) {
  std::vector<AddressRule> rules;
  for (const std::string& text : texts) {
    RF_ASSIGN(AddressRule rule, parse_address_rule(text));
    rules.push_back(std::move(rule));
  }
  const auto list =
      std::make_shared<const AllowList>(std::move(rules), fmt::format("{}", fmt::join(texts, ", ")));
  auto outgoing = std::make_shared<OutgoingAddresses>();
  outgoing->check = [list](std::string_view host_port) -> Status {
    const OutgoingHost to = split_host_port(host_port);
    return list->allows(to, parse_ip_address(to.host)) ? Status() : list->refused(host_port);
  };
  outgoing->connect = [list](int socket, const void* address, size_t size, std::string_view host_port) {
    const std::optional<IpAddress> resolved = ip_address_of(address, size);
    if (!resolved || !list->allows(split_host_port(host_port), resolved)) return EPERM;
    const int done = ::connect(socket, static_cast<const sockaddr*>(address), static_cast<socklen_t>(size));
    // The socket does not wait: its end is told by poll().
    return done == 0 || errno == EINPROGRESS ? 0 : errno;
  };
  return outgoing;
}

}  // namespace rideflow
