// The routes of /api/v1 as an OpenAPI 3.0 document, from what each says about itself.
#pragma once

#include <string>

#include "runtime/http/http_router.h"

namespace rideflow {

// Routes without a summary are left out.
std::string openapi_document(const HttpRouter& router);

}  // namespace rideflow
