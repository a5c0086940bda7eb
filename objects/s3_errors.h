// What S3 says when it refuses, as a Status that says what to do about it.
#pragma once

#include <string>
#include <string_view>

#include "objects/http_exchange.h"
#include "objects/s3_settings.h"

namespace rideflow {

// What a request was about, for messages: "PUT of 's3://bucket/prefix/name' at https://host".
std::string s3_subject(const S3Settings& settings, std::string_view method, std::string_view name);

// For an answer that is no success, or a success whose body is an error all the same. Verbs build on these
// codes: not_found, the object (or the upload in parts) is missing; failed_precondition, the bucket is;
// aborted, a condition of the request does not hold; unimplemented, the server does not know the request.
// Retry::backoff where the same request can succeed later. `subject` stands before the sentence.
Status s3_refusal(const HttpAnswer& answer, const S3Settings& settings, const std::string& subject);

// `text` without control characters, without any of the credentials, and not too long: what a server says is
// shown to people, and may repeat what it was sent.
std::string s3_shown(std::string_view text, const S3Credentials& credentials);

}  // namespace rideflow
