#include "runtime/http_flags.h"

namespace rideflow {

std::vector<FlagSpec> http_flags() {
  return {
      {"listen", "HOST:PORT", "where to serve HTTP (default 127.0.0.1:8082)", false},
      {"ui-dir", "DIR", "folder of the built console (default: the one beside this executable)", false},
      {"host", "NAME", "a name by which clients may address this server; may be repeated", true},
      {"tokens", "FILE", "hashed bearer tokens (of 16 characters or more): role and SHA-256 a line", false},
      {"tls-cert", "FILE", "certificate chain in PEM form; serves HTTPS", false},
      {"tls-key", "FILE", "private key of the certificate", false},
      {"insecure", "", "serve other machines without TLS and tokens", false},
  };
}

HttpOptions http_options(const ParsedArgs& args) {
  HttpOptions options;
  options.listen = args.get("listen", options.listen);
  options.insecure = args.has("insecure");
  options.tls_cert_file = args.get("tls-cert");
  options.tls_key_file = args.get("tls-key");
  options.tokens_file = args.get("tokens");
  if (args.has("host")) options.hosts = args.all("host");
  return options;
}

}  // namespace rideflow
