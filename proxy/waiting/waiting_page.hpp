// The page for a navigation that meets a service without a ready pod. It shows what is happening and becomes
// the service by itself. Status 503 with Retry-After: a browser shows it all the same, and no program, cache
// or search engine takes it for the service. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "router/place.hpp"

namespace proxy {

// Whether a person looks at what this request is answered with. `fetch_mode` is Sec-Fetch-Mode (W3C Fetch
// Metadata); browsers send it, and then it decides between a navigation and a script that takes HTML.
bool is_page_view(std::string_view method, std::string_view accept, std::string_view fetch_mode);

struct WaitingPage {
    std::string_view service;  // its name, for people
    std::string_view request_id;
    bool head_only = false;
    bool close = false;
};

// The whole answer. Its script asks GET /.pilotlight/status?waiting=1 while somebody looks at the page, each
// second at first, for ten minutes at the most; whoever answers that may take it for demand.
std::string waiting_page_response(const router::Overview&, const WaitingPage&);

}  // namespace proxy
