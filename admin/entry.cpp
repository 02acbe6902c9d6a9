#include "admin/entry.hpp"

#include <fmt/format.h>

namespace admin {
namespace {

constexpr std::size_t longest_common_name = 128;

Answer denied(const Denied& why) {
    auto answer = refuse(why.status, why.status == 401 ? "Unauthorized" : "Forbidden", why.message);
    // RFC 9110 section 11.6.1. Not Basic: a browser would ask before our own page can.
    if (why.status == 401) answer.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"pilotlight\"");
    return answer;
}

std::string session_cookie(std::string_view value, std::chrono::seconds lifetime, bool secure) {
    return fmt::format("{}={}; Path=/dashboard; HttpOnly; SameSite=Strict; Max-Age={}{}", Sessions::cookie,
                       value, lifetime.count(), secure ? "; Secure" : "");
}

Entered log_in(const Guard& guard, Sessions& sessions, const Entry& entry, Sessions::Clock::time_point now) {
    const auto* token = guard.access.token(entry.claims.secret);
    if (token == nullptr) return {{}, denied({401, "the token is not one of this gateway's, or no longer"})};
    Answer answer{200, "application/json", "{\"name\":\"" + token->name + "\"}\n"};
    answer.fields.emplace_back("Set-Cookie",
                               session_cookie(sessions.begin(*token, now), Sessions::lifetime, entry.secure));
    return {{Who::By::token, token->name, token->role}, std::move(answer)};
}

Entered log_out(const Guard& guard, Sessions& sessions, const Entry& entry, Sessions::Clock::time_point now) {
    const auto* token = sessions.find(entry.claims.session, guard.access, now);
    const auto who = token != nullptr ? Who{Who::By::session, token->name, Role::read} : Who{};
    sessions.end(entry.claims.session);
    Answer answer{200, "application/json", "{}\n"};
    answer.fields.emplace_back("Set-Cookie", session_cookie("", std::chrono::seconds(0), entry.secure));
    return {who, std::move(answer)};
}

}  // namespace

Entered enter(const Guard& guard, Sessions& sessions, const Entry& entry, Sessions::Clock::time_point now) {
    const bool reads = entry.method == "GET" || entry.method == "HEAD";
    if (!reads && !same_origin(entry.origin, entry.site, entry.host, entry.secure))
        return {{}, denied({403, "forbidden: a page of another origin may change nothing here"})};
    if (entry.method == "POST" && entry.path == "/dashboard/login" && !guard.access.open())
        return log_in(guard, sessions, entry, now);
    if (entry.method == "POST" && entry.path == "/dashboard/logout")
        return log_out(guard, sessions, entry, now);
    auto admitted = admit(guard.access, sessions, entry.claims, entry.method, entry.path, now);
    if (const auto* no = std::get_if<Denied>(&admitted)) return {no->who, denied(*no)};
    return {std::get<Who>(std::move(admitted)), std::nullopt};
}

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

std::optional<std::string> common_name(X509* certificate) {
    if (certificate == nullptr) return std::nullopt;
    auto* const subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    // Two names would be two people.
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return std::nullopt;
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0) return std::nullopt;
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    for (const unsigned char c : name)
        if (c < ' ' || c > '~') return std::nullopt;
    if (name.empty() || name.size() > longest_common_name) return std::nullopt;
    return name;
}

}  // namespace admin
