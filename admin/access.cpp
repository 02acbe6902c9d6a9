#include "admin/access.hpp"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "proxy/access/credentials.hpp"
#include "proxy/access/hash.hpp"
#include "proxy/traffic/cookie.hpp"

namespace admin {
namespace {

constexpr std::size_t longest_secret = 1024;

bool same_word(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string random_value() {
    std::array<unsigned char, 32> octets{};
    if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1)
        throw std::runtime_error("the system has no random numbers");
    return proxy::to_hex({reinterpret_cast<const char*>(octets.data()), octets.size()});
}

// What asks for nothing: it tells nothing that is not known to all, and probes have no token.
bool is_open(const Access& access, std::string_view path) {
    constexpr std::array<std::string_view, 8> always{
        "/livez",     "/readyz",     "/healthz",          "/",
        "/dashboard", "/dashboard/", "/dashboard/app.js", "/dashboard/app.css"};
    return std::ranges::find(always, path) != always.end() || (path == "/metrics" && access.metrics_open);
}

std::variant<Who, Denied> identify(const Access& access, const Sessions& sessions, const Claims& claims,
                                   Sessions::Clock::time_point now) {
    if (claims.authorization) {
        // A wrong one is wrong, whatever else there is.
        const auto* token = access.token(claims.secret);
        if (token == nullptr || (!claims.user.empty() && claims.user != token->name))
            return Denied{401, "the token is not one of this gateway's, or no longer"};
        return Who{Who::By::token, token->name, token->role};
    }
    if (claims.certificate && access.certificates) {
        const bool named = std::ranges::find(access.admins, *claims.certificate) != access.admins.end();
        return Who{Who::By::certificate, *claims.certificate, named ? Role::admin : access.certificate_role};
    }
    if (const auto* token = sessions.find(claims.session, access, now))
        return Who{Who::By::session, token->name, Role::read};
    if (access.tokens.empty()) return Denied{401, "a client certificate is needed here"};
    return Denied{401, "a token is needed here: Authorization: Bearer TOKEN"};
}

}  // namespace

std::string_view name_of(Who::By by) {
    switch (by) {
        case Who::By::token:
            return "token";
        case Who::By::certificate:
            return "certificate";
        case Who::By::session:
            return "session";
        case Who::By::nobody:
            break;
    }
    return "nobody";
}

std::string describe(const Who& who) {
    if (who.by == Who::By::nobody) return "whoever reaches this address";
    return fmt::format("{} \"{}\"", name_of(who.by), who.name);
}

Claims claims_of(std::string_view authorization, std::size_t authorizations, std::string_view cookie) {
    Claims out;
    const auto values = proxy::cookies_named(cookie, Sessions::cookie);
    if (values.size() == 1) out.session = std::string(values.front());
    out.authorization = authorizations > 0;
    const auto space = authorization.find(' ');
    if (authorizations != 1 || space == std::string_view::npos) return out;
    const auto scheme = authorization.substr(0, space);
    auto rest = authorization.substr(space + 1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    if (rest.size() > longest_secret) return out;
    if (same_word(scheme, "Bearer")) out.secret = std::string(rest);
    if (!same_word(scheme, "Basic")) return out;
    const auto pair = proxy::from_base64(rest);
    const auto colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) return out;
    out.user = pair->substr(0, colon);
    out.secret = pair->substr(colon + 1);
    return out;
}

const Token* Access::token(std::string_view secret) const {
    const auto digest = proxy::sha256(secret);
    const Token* found = nullptr;
    for (const auto& one : tokens)
        if (proxy::same_octets(one.digest, digest)) found = &one;
    return secret.empty() ? nullptr : found;
}

const Token* Access::named(std::string_view name) const {
    const auto found = std::ranges::find(tokens, name, &Token::name);
    return found == tokens.end() ? nullptr : &*found;
}

std::string Sessions::begin(const Token& token, Clock::time_point now) {
    std::erase_if(all_, [&](const Session& one) { return one.ends <= now; });
    if (all_.size() >= most) all_.pop_front();
    auto value = random_value();
    all_.push_back({proxy::sha256(value), token.name, token.digest, now + lifetime});
    return value;
}

const Token* Sessions::find(std::string_view value, const Access& access, Clock::time_point now) const {
    if (value.empty()) return nullptr;
    const auto digest = proxy::sha256(value);
    const Session* found = nullptr;
    for (const auto& one : all_)
        if (proxy::same_octets(one.digest, digest) && now < one.ends) found = &one;
    const auto* token = found != nullptr ? access.named(found->token) : nullptr;
    return token != nullptr && token->digest == found->token_digest ? token : nullptr;
}

void Sessions::end(std::string_view value) {
    std::erase_if(all_, [digest = proxy::sha256(value)](const Session& one) { return one.digest == digest; });
}

std::variant<Who, Denied> admit(const Access& access, const Sessions& sessions, const Claims& claims,
                                std::string_view method, std::string_view path,
                                Sessions::Clock::time_point now) {
    if (access.open()) return Who{Who::By::nobody, {}, Role::admin};
    const bool reads = method == "GET" || method == "HEAD";
    auto said = identify(access, sessions, claims, now);
    auto* who = std::get_if<Who>(&said);
    if (who == nullptr && reads && is_open(access, path)) return Who{};
    if (who == nullptr || reads || who->role == Role::admin) return said;
    return Denied{403, fmt::format("forbidden: {} may only read", describe(*who)), *who};
}

// Browsers send Origin with every request that could change something (Fetch, section 3.1), and others need
// not.
bool same_origin(std::string_view origin, std::string_view site, std::string_view host, bool secure) {
    if (!site.empty() && site != "same-origin" && site != "none") return false;
    return origin.empty() || same_word(origin, fmt::format("{}://{}", secure ? "https" : "http", host));
}

}  // namespace admin
