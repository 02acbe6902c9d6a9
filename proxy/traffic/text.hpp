// Small texts that several answers and the logs need.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace proxy {

std::string_view http_date();  // RFC 9110 IMF-fixdate of now; made once a second and thread
std::string rfc3339(std::chrono::system_clock::time_point);  // with milliseconds, UTC
std::string rfc3339_now();
std::uint64_t random64();        // from the system's generator, for ids that must not be guessed
std::string hex(std::uint64_t);  // 16 digits
void append_hex(std::string& out, std::uint64_t);
void append_line(std::string& out, std::string_view name, std::string_view value);  // of a head, with CRLF
// One line that no terminal acts upon, as JSON would write it: "\u001b", and "\ufffd" for what is no UTF-8.
std::string escape_controls(std::string_view);

}  // namespace proxy
