// Which Host a request to the admin address may name. A page from elsewhere whose name was made to resolve to
// 127.0.0.1 (DNS rebinding) runs in its user's browser and reads whatever answers there; its requests carry
// its own name, so only names that nobody else can own are taken: IP literals, localhost and those given.
// Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace admin {

// `host` as in the header, with or without a port.
bool host_allowed(std::string_view host, std::span<const std::string> also);

}  // namespace admin
