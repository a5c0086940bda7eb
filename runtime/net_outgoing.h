// Where jobs may connect to: an allow-list of hosts and networks, asked when a job is loaded and again for
// every connection, so that neither a name that resolves to something else nor an address that a broker
// advertises leads around it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/job_access.h"

namespace rideflow {

// Rules: "HOST", "HOST:PORT", "ADDRESS/BITS" (IPv6 in brackets where a port follows). No rules: everywhere.
// Link-local addresses, which hold the metadata of cloud machines, only where a rule names their network or
// address itself. user error: a rule that is none.
Result<std::shared_ptr<OutgoingAddresses>> outgoing_addresses(const std::vector<std::string>& rules);

}  // namespace rideflow
