#include "router/classify.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace router {
namespace {

enum class Match : unsigned char { exact, prefix };

struct Rule {
    std::string_view methods;  // space separated; empty: any
    Match match;
    std::string_view path;
    Class what;
    std::string_view text;
};

// From modules/api/api.py and progress.py of AUTOMATIC1111: what runs under its GPU lock is G. First match
// wins.
constexpr std::array rules{
    Rule{"POST", Match::prefix, "/sdapi/v1/server-", Class::denied, "POST /sdapi/v1/server-* D"},
    Rule{"POST", Match::exact, "/sdapi/v1/shutdown", Class::denied, "POST /sdapi/v1/shutdown D"},
    Rule{"POST", Match::exact, "/sdapi/v1/interrupt", Class::light, "POST /sdapi/v1/interrupt L"},
    Rule{"POST", Match::exact, "/sdapi/v1/skip", Class::light, "POST /sdapi/v1/skip L"},
    Rule{"POST", Match::exact, "/sdapi/v1/png-info", Class::light, "POST /sdapi/v1/png-info L"},
    Rule{"POST", Match::prefix, "/sdapi/v1/", Class::generation, "POST /sdapi/v1/* G"},
    Rule{"GET HEAD", Match::prefix, "/sdapi/v1/", Class::light, "GET /sdapi/v1/* L"},
    Rule{"", Match::prefix, "/internal/", Class::light, "* /internal/* L"},
    Rule{"POST", Match::exact, "/upload", Class::light, "POST /upload L"},
    Rule{"POST", Match::exact, "/reset", Class::light, "POST /reset L"},
    Rule{"POST", Match::exact, "/login", Class::light, "POST /login L"},
    Rule{"GET HEAD", Match::exact, "/", Class::navigation, "GET / N"},
    Rule{"GET HEAD", Match::exact, "/config", Class::navigation, "GET /config N"},
    Rule{"GET HEAD", Match::exact, "/docs", Class::navigation, "GET /docs N"},
};

bool among(std::string_view method, std::string_view methods) {
    if (methods.empty()) return true;
    for (std::size_t at = 0; at < methods.size();) {
        const auto end = std::min(methods.find(' ', at), methods.size());
        if (methods.substr(at, end - at) == method) return true;
        at = end + 1;
    }
    return false;
}

bool matches(const Rule& rule, std::string_view method, std::string_view path) {
    const bool hit = rule.match == Match::exact ? path == rule.path : path.starts_with(rule.path);
    return hit && among(method, rule.methods);
}

int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// As the pod's framework will read it (uvicorn and others decode the path before they route), so that no
// spelling of a path gets round its rule.
std::string percent_decoded(std::string_view path) {
    std::string out;
    out.reserve(path.size());
    for (std::size_t at = 0; at < path.size(); ++at) {
        const int high = path[at] == '%' && at + 2 < path.size() ? hex_digit(path[at + 1]) : -1;
        const int low = high >= 0 ? hex_digit(path[at + 2]) : -1;
        out += low >= 0 ? static_cast<char>(high * 16 + low) : path[at];
        if (low >= 0) at += 2;
    }
    return out;
}

}  // namespace

Classified classify(Profile profile, std::string_view method, std::string_view path,
                    std::string_view accept) {
    if (profile == Profile::strict) return {Class::generation, "profile strict: everything takes a slot"};
    std::string decoded;
    if (path.find('%') != std::string_view::npos) path = decoded = percent_decoded(path);
    for (const auto& rule : rules)
        if (matches(rule, method, path)) return {rule.what, rule.text};
    if (among(method, "GET HEAD OPTIONS"))
        return accept.find("text/html") != std::string_view::npos
                   ? Classified{Class::navigation, "Accept: text/html N"}
                   : Classified{Class::light, "GET|HEAD|OPTIONS * L"};
    return {Class::generation, "* G"};
}

}  // namespace router
