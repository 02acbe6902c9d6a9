#include "proxy/waiting/look.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <stdexcept>

#include "proxy/traffic/refusal.hpp"

namespace proxy {
namespace {

// --heat goes from 0, the pilot light, to 1, the full flame. Text has a contrast of 4.5 and more on its
// ground.
constexpr std::string_view style = R"(
:root{color-scheme:light dark;--heat:.5;--bg:#faf8f5;--card:#fff;--ink:#1c1a18;--soft:#69625a;--line:#e7e1d8;
--track:#ece6dd;--glow:#ffb45433;--shade:0 1px 2px #3a2a1a0d,0 12px 40px #3a2a1a14}
@media(prefers-color-scheme:dark){:root{--bg:#0d0f13;--card:#14171d;--ink:#f2efeb;--soft:#a39d95;--line:#252a33;
--track:#232831;--glow:#ff9d3c2e;--shade:0 20px 60px #0008}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100svh;display:grid;place-items:center;padding:24px 16px;
background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",
"DejaVu Sans",sans-serif;-webkit-text-size-adjust:100%}
main{width:100%;max-width:29rem;text-align:center}
svg{display:block;margin:0 auto;overflow:visible}
.lamp{position:relative;height:148px;margin-bottom:20px;display:grid;place-items:end center}
.lamp:before{content:"";position:absolute;inset:-46px 0 -40px;margin:auto;max-width:320px;
background:radial-gradient(closest-side,var(--glow),#0000);opacity:calc(.45 + .55*var(--heat))}
.lamp svg{position:relative}
.fire{transform-origin:48px 122px;transform:scale(calc(.6 + .4*var(--heat)));transition:transform 1.2s ease-out}
.fire path{transform-origin:48px 122px;animation:flicker 2.3s ease-in-out infinite alternate}
.fire .in{animation-duration:1.7s;animation-delay:-.6s}
.cool{opacity:calc(1 - .15*var(--heat));transition:opacity 1.2s}
@keyframes flicker{0%{transform:none}30%{transform:scale(.985,1.02) skewX(-.9deg)}
60%{transform:scale(1.015,.975) skewX(1.1deg)}100%{transform:scale(.99,1.03) skewX(-.4deg)}}
.out{--heat:0}.out .fire{opacity:.32;filter:saturate(0)}.out .fire path{animation:none}.out:before{display:none}
h1{font-size:1.625rem;line-height:1.2;letter-spacing:-.018em;font-weight:650;margin:0 0 10px;
overflow-wrap:anywhere;text-wrap:balance}
p{margin:0;color:var(--soft);overflow-wrap:anywhere;text-wrap:pretty}
.card{margin-top:28px;padding:22px 22px 20px;text-align:left;background:var(--card);border:1px solid var(--line);
border-radius:16px;box-shadow:var(--shade)}
.row{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 16px;font-size:.9375rem}
.row p{color:var(--ink);font-weight:550}
.row span{color:var(--soft);white-space:nowrap;font-variant-numeric:tabular-nums}
progress{display:block;appearance:none;-webkit-appearance:none;border:0;width:100%;height:8px;margin:12px 0 20px;
border-radius:8px;overflow:hidden;background:var(--track)}
progress::-webkit-progress-bar{background:var(--track)}
progress::-webkit-progress-value{border-radius:8px;background:linear-gradient(90deg,#fcc93f,#f2661b);
transition:width 1s linear}
progress::-moz-progress-bar{border-radius:8px;background:linear-gradient(90deg,#fcc93f,#f2661b)}
progress:indeterminate{background:linear-gradient(90deg,var(--track) 30%,#e8953a 50%,var(--track) 70%) 0/300%;
animation:slide 2.6s linear infinite}
progress:indeterminate::-webkit-progress-bar{background:#0000}
progress:indeterminate::-moz-progress-bar{background:#0000}
@keyframes slide{from{background-position:100%}to{background-position:-50%}}
dl{display:flex;margin:0;border-top:1px solid var(--line);padding-top:16px;gap:12px}
dl div{flex:auto}
dt{font-size:.8125rem;color:var(--soft);white-space:nowrap}
dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}
button,.button{display:inline-block;font:inherit;font-weight:600;margin-top:24px;padding:11px 22px;border:0;
border-radius:999px;color:var(--bg);background:var(--ink);text-decoration:none;cursor:pointer}
:focus-visible{outline:3px solid #e8953a;outline-offset:3px}
[hidden]{display:none}
h1 span{display:inline-block;max-width:100%}
small{display:block;margin-top:26px;font-size:.8125rem;color:var(--soft);overflow-wrap:anywhere}
@media(prefers-reduced-motion:reduce){*,:before,::-webkit-progress-value{animation:none!important;
transition:none!important}}
)";

constexpr std::string_view icon =
    "<link rel=icon href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='-18 0 132 "
    "128'%3E%3Cpath fill='%23f59e0b' d='M51 3c4 27 34 44 34 77 0 24-16 42-37 42S11 104 11 80c0-19 10-31 "
    "18-46 "
    "6 6 9 12 11 20 8-13 13-31 11-51Z'/%3E%3C/svg%3E\">";

constexpr std::string_view outer =
    "M51 3c4 27 34 44 34 77 0 24-16 42-37 42S11 104 11 80c0-19 10-31 18-46 6 6 9 12 11 20 8-13 13-31 11-51Z";
constexpr std::string_view inner =
    "M49 60c3 13 18 20 18 37 0 14-8 25-19 25s-19-11-19-25c0-11 6-17 9-25 4 3 6 7 7 11 3-7 5-14 4-23Z";

std::string source(std::string_view text) {
    std::array<unsigned char, 32> digest{};
    if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("SHA-256 failed");
    std::array<unsigned char, 45> base64{};
    const auto length = EVP_EncodeBlock(base64.data(), digest.data(), digest.size());
    return fmt::format("'sha256-{}'", std::string_view(reinterpret_cast<const char*>(base64.data()),
                                                       static_cast<std::size_t>(length)));
}

}  // namespace

std::string flame(bool burning) {
    return fmt::format(
        "<div class='lamp{0}' aria-hidden=true><svg width=96 height=128 viewBox='0 0 96 128'><defs>"
        "<linearGradient id=a x2=0 y2=1><stop stop-color=#ffc43d /><stop offset=1 stop-color=#f2541b />"
        "</linearGradient><linearGradient id=b x2=0 y1=1 y2=0><stop stop-color=#1d4ed8 /><stop offset=.3 "
        "stop-color=#5aa2ff /><stop offset=.55 stop-color=#cfe4ff stop-opacity=.55 /><stop offset=.8 "
        "stop-color=#fff stop-opacity=0 /></linearGradient><linearGradient id=c x2=0 y2=1><stop "
        "stop-color=#fffbe8 /><stop offset=1 stop-color=#ffe08a /></linearGradient></defs><g class=fire>"
        "<path fill=url(#a) d='{1}'/><path class=cool fill=url(#b) d='{1}'/><path class=in fill=url(#c) "
        "d='{2}'/></g></svg></div>",
        burning ? "" : " out", outer, inner);
}

std::string page(std::string_view title, std::string_view head, std::string_view body) {
    return fmt::format(
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport "
        "content='width=device-width,initial-scale=1'><meta name=robots content=noindex><title>{}</title>"
        "{}{}<style>{}</style></head><body>{}</body></html>\n",
        html_escape(title), icon, head, style, body);
}

std::string page_policy(std::string_view script) {
    static const auto style_source = source(style);
    return fmt::format(
        "Content-Security-Policy: default-src 'none'; style-src {}; img-src data:;{} base-uri 'none'; "
        "form-action 'none'\r\n",
        style_source,
        script.empty() ? std::string{} : fmt::format(" script-src {}; connect-src 'self';", source(script)));
}

}  // namespace proxy
