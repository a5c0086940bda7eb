#include "runtime/http/http_flags.h"

#include "engine/time.h"

namespace rideflow {

std::vector<FlagSpec> http_flags() {
  return {
      {"listen", "HOST:PORT", "where to serve HTTP (default 127.0.0.1:8082)", false},
      {"ui-dir", "DIR", "folder of the built console (default: the one beside this executable)", false},
      {"host", "NAME", "a name by which clients may address this server; may be repeated", true},
      {"tokens", "FILE", "hashed bearer tokens (of 16 characters or more): role and SHA-256 a line", false},
      {"tls-cert", "FILE", "certificate chain in PEM form; serves HTTPS", false},
      {"tls-key", "FILE", "private key of the certificate", false},
      {"max-connections", "N", "connections at once (default 512); idle ones make room for new ones", false},
      {"query-queue", "N", "queries at once, running or waiting (default 512)", false},
      {"query-timeout", "TIME", "how long a query may take, its wait included (default 30s)", false},
      {"query-memory", "MIB", "memory of one query (default 1024)", false},
      {"queries-memory", "MIB", "memory of all queries together (default 1536)", false},
      {"insecure", "", "serve other machines without TLS and tokens", false},
  };
}

Result<HttpOptions> http_options(const ParsedArgs& args) {
  HttpOptions options;
  RF_ASSIGN(const int64_t connections, args.integer("max-connections", options.max_connections, 1, 100'000));
  RF_ASSIGN(const int64_t queue, args.integer("query-queue", options.max_queries, 1, 100'000));
  RF_ASSIGN(const QueryLimits limits, query_limits(args));
  options.max_connections = static_cast<int>(connections);
  options.max_queries = static_cast<int>(queue);
  options.queue_timeout_ms = static_cast<int>(limits.timeout_us / 1000);
  options.listen = args.get("listen", options.listen);
  options.insecure = args.has("insecure");
  options.tls_cert_file = args.get("tls-cert");
  options.tls_key_file = args.get("tls-key");
  options.tokens_file = args.get("tokens");
  if (args.has("host")) options.hosts = args.all("host");
  return options;
}

Result<QueryLimits> query_limits(const ParsedArgs& args) {
  QueryLimits limits;
  constexpr int64_t kMostMib = int64_t{1} << 30;
  const auto mib = [](size_t bytes) { return static_cast<int64_t>(bytes >> 20); };
  RF_ASSIGN(const int64_t one, args.integer("query-memory", mib(limits.max_memory_bytes), 1, kMostMib));
  RF_ASSIGN(const int64_t all, args.integer("queries-memory", mib(limits.all_memory_bytes), 1, kMostMib));
  limits.max_memory_bytes = static_cast<size_t>(one) << 20;
  limits.all_memory_bytes = static_cast<size_t>(all) << 20;
  if (args.has("query-timeout")) {
    RF_ASSIGN(const Duration timeout, parse_duration(args.get("query-timeout")));
    constexpr int64_t kLongest = int64_t{86'400} * kMicrosPerSecond;
    if (!timeout.is_fixed() || timeout.total_micros() < 1000 || timeout.total_micros() > kLongest) {
      return Status::user(Code::invalid_argument, "--query-timeout wants a time from 1ms to 1d, such as 30s");
    }
    limits.timeout_us = timeout.total_micros();
  }
  return limits;
}

}  // namespace rideflow
