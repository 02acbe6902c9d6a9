// The OpenAPI document of version 2, as kubectl up to 1.26 reads it: for `kubectl explain`, for what it
// checks of a manifest before it sends it, and whether the server takes dryRun. Pure.
#pragma once

#include <string>
#include <string_view>

namespace admin {

// Of "/openapi/v2": the only content type that those ask for.
inline constexpr std::string_view openapi_v2_type =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

// Made once; always the same octets. Encoded as Protobuf by gnostic's openapiv2/OpenAPIv2.proto.
const std::string& openapi_v2();

}  // namespace admin
