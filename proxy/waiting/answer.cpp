#include "proxy/waiting/answer.hpp"

#include <fmt/format.h>

#include "proxy/traffic/refusal.hpp"
#include "proxy/traffic/text.hpp"

namespace proxy {

std::string complete(const Answer& answer, std::string_view body) {
    auto out = fmt::format(
        "HTTP/1.1 {} {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n",
        answer.status, status_text(answer.status), http_date(), answer.type, body.size());
    if (!answer.request_id.empty()) out += fmt::format("X-Request-Id: {}\r\n", answer.request_id);
    out += answer.extra_fields;
    if (answer.close) out += "Connection: close\r\n";
    out += "\r\n";
    if (!answer.head_only) out += body;
    return out;
}

}  // namespace proxy
