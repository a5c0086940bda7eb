// Where jobs may connect to.
#include <arpa/inet.h>
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/net_outgoing.h"

namespace rideflow {
namespace net_outgoing_test {

using testing::HasSubstr;

bool allows(const std::vector<std::string>& rules, const std::string& host_port) {
  const auto outgoing = outgoing_addresses(rules);
  EXPECT_TRUE(outgoing.ok()) << outgoing.status().to_string();
  return (*outgoing)->check(host_port).ok();
}

// The errno of a connection to `host_port` that was resolved to `address`; nobody listens there.
int connect_to(const std::vector<std::string>& rules, const std::string& host_port,
               const std::string& address) {
  const auto outgoing = outgoing_addresses(rules);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(1);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(1);
  const bool is_v4 = inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
  EXPECT_TRUE(is_v4 || inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1);
  const int socket = ::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int error = is_v4 ? (*outgoing)->connect(socket, &v4, sizeof(v4), host_port)
                          : (*outgoing)->connect(socket, &v6, sizeof(v6), host_port);
  ::close(socket);
  return error;
}

TEST(OutgoingAddresses, WithoutRulesEverywhereButLinkLocal) {
  EXPECT_TRUE(allows({}, "kafka.example:9092"));
  EXPECT_TRUE(allows({}, "10.0.0.1:9092"));
  for (const char* address :
       {"169.254.169.254:80", "[fe80::1]:9092", "[fd00:ec2::254]:80", "[::ffff:169.254.169.254]:80"})
    EXPECT_FALSE(allows({}, address)) << address;
}

TEST(OutgoingAddresses, HostsPortsAndNetworks) {
  EXPECT_TRUE(allows({"kafka.example"}, "Kafka.Example:9092"));
  EXPECT_TRUE(allows({"kafka.example:9092"}, "kafka.example:9092"));
  EXPECT_FALSE(allows({"kafka.example:9092"}, "kafka.example:9093"));
  EXPECT_FALSE(allows({"kafka.example"}, "other.kafka.example:9092"));
  EXPECT_FALSE(allows({"kafka.example"}, "kafka.example.evil:9092"));
  EXPECT_TRUE(allows({"10.1.0.0/16"}, "10.1.2.3:9092"));
  EXPECT_FALSE(allows({"10.1.0.0/16"}, "10.2.2.3:9092"));
  EXPECT_TRUE(allows({"10.1.2.3"}, "10.1.2.3:9092"));
  EXPECT_TRUE(allows({"[2001:db8::1]:9092"}, "[2001:db8:0::1]:9092"));
  EXPECT_TRUE(allows({"2001:db8::/32"}, "[2001:db8:5::1]:9092"));
  EXPECT_TRUE(allows({"169.254.7.0/24"}, "169.254.7.1:9092")) << "said aloud";
  // A name may be in an allowed network: that is seen when it is resolved.
  EXPECT_TRUE(allows({"10.1.0.0/16"}, "kafka.example:9092"));
}

TEST(OutgoingAddresses, WhatANameResolvesToIsAskedAgain) {
  constexpr int kRefused = EPERM;
  EXPECT_NE(connect_to({}, "localhost:1", "127.0.0.1"), kRefused);
  EXPECT_EQ(connect_to({"127.0.0.1"}, "localhost:1", "127.0.0.2"), kRefused);
  EXPECT_NE(connect_to({"127.0.0.0/8"}, "localhost:1", "127.0.0.2"), kRefused);
  EXPECT_EQ(connect_to({"10.1.0.0/16"}, "kafka.example:1", "127.0.0.1"), kRefused);
  // A name that stands for a metadata service, allowed by name or not.
  EXPECT_EQ(connect_to({}, "kafka.example:1", "169.254.169.254"), kRefused);
  EXPECT_EQ(connect_to({"kafka.example"}, "kafka.example:1", "169.254.169.254"), kRefused);
  EXPECT_EQ(connect_to({}, "kafka.example:1", "::ffff:169.254.169.254"), kRefused);
  EXPECT_EQ(connect_to({}, "kafka.example:1", "fe80::1"), kRefused);
}

TEST(OutgoingAddresses, RulesThatAreNone) {
  for (const char* rule : {"", "10.0.0.0/33", "name/8", "10.0.0.0/", "a b", ":9092"}) {
    const auto made = outgoing_addresses({rule});
    EXPECT_EQ(made.status().code(), Code::invalid_argument) << rule;
    EXPECT_THAT(made.status().message(), HasSubstr("--allow-address")) << rule;
  }
  EXPECT_THAT((*outgoing_addresses({"a:1"}))->check("b:1").message(), HasSubstr("--allow-address b:1"));
}

}  // namespace net_outgoing_test
}  // namespace rideflow
