// The head around an answer of our own that is about the moment: never stored by anybody. Pure but for the
// Date.
#pragma once

#include <string>
#include <string_view>

namespace proxy {

struct Answer {
    int status = 200;
    std::string_view type;
    std::string_view request_id;
    std::string_view extra_fields;  // complete lines with CRLF
    bool head_only = false;         // to a HEAD request
    bool close = false;
};

std::string complete(const Answer&, std::string_view body);

}  // namespace proxy
