// Base64 and gzip. Pure.
#pragma once

#include <string>
#include <string_view>

namespace simulator {

void append_base64(std::string& out, std::string_view bytes);
std::string base64(std::string_view bytes);

// Stops at the first character that is not of the alphabet.
std::string unbase64(std::string_view text);

// Level 9, as the WebUI's GZipMiddleware.
std::string gzip(std::string_view bytes);

}  // namespace simulator
