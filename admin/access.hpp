// Who asks, and whether he may: tokens, client certificates and the dashboard's sessions. Pure; the time goes
// in.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace admin {

enum class Role { read, admin };

struct Who {
    enum class By { nobody, token, certificate, session };
    By by = By::nobody;
    std::string name;  // the token's, or the certificate's common name
    Role role = Role::read;
};
std::string_view name_of(Who::By);
std::string describe(const Who&);  // `token "ci"`

struct Token {
    std::string name;
    Role role = Role::read;
    std::string digest;  // SHA-256, 32 octets
};

// What a request says about its sender.
struct Claims {
    bool authorization = false;                // there is such a header, good or not
    std::string secret{};                      // of Bearer (RFC 6750) or Basic (RFC 7617)
    std::string user{};                        // Basic's
    std::string session{};                     // the cookie's value
    std::optional<std::string> certificate{};  // the common name in a certificate that was verified
};
Claims claims_of(std::string_view authorization, std::size_t authorizations, std::string_view cookie);

// Who is let in. Immutable; another one is made when tokens or certificates change.
struct Access {
    std::vector<Token> tokens;
    bool certificates = false;  // are asked for
    Role certificate_role = Role::read;
    std::vector<std::string> admins;  // common names
    bool metrics_open = false;

    bool open() const { return tokens.empty() && !certificates; }  // to everybody
    // All are compared, in a time that tells nothing of them.
    const Token* token(std::string_view secret) const;
    const Token* named(std::string_view name) const;
};

// Who has logged in to the dashboard. Bounded: the oldest goes. Nothing in here is of use to a thief: the
// cookies are kept as their hashes.
class Sessions {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::size_t most = 64;
    static constexpr std::chrono::hours lifetime{12};
    static constexpr std::string_view cookie = "pilotlight-admin";

    std::string begin(const Token&, Clock::time_point now);  // the cookie's value
    // Of a token that is still in force, unchanged.
    const Token* find(std::string_view value, const Access&, Clock::time_point now) const;
    void end(std::string_view value);
    std::size_t size() const { return all_.size(); }

private:
    struct Session {
        std::string digest, token, token_digest;
        Clock::time_point ends;
    };
    std::deque<Session> all_;  // the oldest first
};

struct Denied {
    int status;  // 401: say who you are; 403: you may not
    std::string message;
    Who who{};
};

// A cookie shows who looks, never who changes: a page of another port of this host gets it too.
std::variant<Who, Denied> admit(const Access&, const Sessions&, const Claims&, std::string_view method,
                                std::string_view path, Sessions::Clock::time_point now);

// Whether a change that a browser asks for comes from a page of ours: `origin` is empty, or the one that the
// request was sent to. `site`: Sec-Fetch-Site.
bool same_origin(std::string_view origin, std::string_view site, std::string_view host, bool secure);

}  // namespace admin
