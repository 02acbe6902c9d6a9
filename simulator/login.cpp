#include "simulator/login.hpp"

#include "simulator/multipart.hpp"
#include "simulator/pod.hpp"

namespace simulator {
namespace {

// The value of a cookie; empty: it was not sent.
std::string_view cookie(std::string_view header, std::string_view name) {
    while (!header.empty()) {
        const auto end = header.find(';');
        std::string_view pair = header.substr(0, end);
        header = end == std::string_view::npos ? std::string_view{} : header.substr(end + 1);
        pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
            return pair.substr(name.size() + 1);
    }
    return {};
}

std::string decoded(std::string_view text) {
    std::string out;
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        const char lower = static_cast<char>(c | 0x20);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

// Of a form, whichever way it is sent.
std::string field(const Call& call, std::string_view name) {
    for (const FormPart& part : form_parts(call.type, call.body))
        if (part.name == name) return std::string(part.body);
    std::string_view left = call.body;
    while (!left.empty()) {
        const auto end = left.find('&');
        const std::string_view pair = left.substr(0, end);
        left = end == std::string_view::npos ? std::string_view{} : left.substr(end + 1);
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos && pair.substr(0, equals) == name)
            return decoded(pair.substr(equals + 1));
    }
    return {};
}

}  // namespace

bool logged_in(const Pod& pod, const Call& call) {
    if (pod.options.gradio_auth.empty()) return true;
    return pod.knows_login(cookie(call.cookies, "access-token")) ||
           pod.knows_login(cookie(call.cookies, "access-token-unsecure"));
}

Reply not_authenticated() {
    return Reply::detail(http::status::unauthorized, "Not authenticated");
}

Reply login(Pod& pod, const Call& call) {
    if (field(call, "username") + ":" + field(call, "password") != pod.options.gradio_auth)
        return Reply::detail(http::status::bad_request, "Incorrect credentials.");
    const std::string token = pod.new_login();
    Reply reply = Reply::json(R"({"success":true})");
    reply.headers.emplace_back("Set-Cookie",
                               "access-token=" + token + "; HttpOnly; Path=/; SameSite=none; Secure");
    reply.headers.emplace_back("Set-Cookie",
                               "access-token-unsecure=" + token + "; HttpOnly; Path=/; SameSite=lax");
    return reply;
}

Reply login_page() {
    Reply reply;
    reply.type = "text/html; charset=utf-8";
    reply.body = R"html(<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Login</title>
<link rel="stylesheet" href="theme.css"></head><body><main><h1>Login</h1>
<form id="login"><p><input name="username" placeholder="username" autocomplete="username"></p>
<p><input name="password" type="password" placeholder="password" autocomplete="current-password"></p>
<p><button>Login</button> <span id="text"></span></p></form></main><script>
document.getElementById("login").onsubmit = async event => {
  event.preventDefault();
  const answer = await fetch("login", {method: "POST", body: new FormData(event.target)});
  if (answer.ok) location.reload(); else document.getElementById("text").textContent = "Incorrect credentials.";
};
</script></body></html>
)html";
    return reply;
}

}  // namespace simulator
