// A certificate made on the spot, and one HTTPS call: for tests of the server's TLS.
#pragma once

#include <cstdint>
#include <string>

namespace rideflow::test {

// PEM texts of a self-signed certificate for "localhost" and its key.
struct Certificate {
  std::string cert, key;
};
Certificate make_certificate();

struct TlsAnswer {
  bool handshake = false;
  std::string version;  // "TLSv1.3"
  std::string text;     // everything that came
};
// Sends `request` over TLS of at most `max_version` (0: any), with verification of the certificate left out.
TlsAnswer tls_call(uint16_t port, const std::string& request, int max_version = 0);

}  // namespace rideflow::test
