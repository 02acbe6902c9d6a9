#include "proxy/waiting/waiting_page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "proxy/traffic/refusal.hpp"
#include "proxy/waiting/answer.hpp"
#include "proxy/waiting/look.hpp"
#include "proxy/waiting/sentence.hpp"

namespace proxy {
namespace {

// Between two answers the seconds go on by themselves. The bar never arrives before the pod does. A service
// that is ready but answers with this page again is asked less and less often (`again`).
constexpr std::string_view script = R"(
(()=>{const $=i=>document.getElementById(i),root=document.documentElement,bar=$("bar"),key="pilotlight.again";
const limit=6e5,num=v=>v==null||v===""?null:+v;
let begun=Date.now(),timer=0,asking=0,fails=0,over=0,usual=num(bar.dataset.usual),
elapsed=num(bar.dataset.elapsed),at=Date.now();
const set=(i,t)=>{if($(i).textContent!==t)$(i).textContent=t};
const left=e=>{if(usual==null)return"not known";const s=Math.ceil(usual-(e||0));
return s<=-usual?"not known":s<=0?"a moment":s<=20?"about "+s+" s":s<=115?"about "+Math.ceil(s/5)*5+" s":"about "+Math.round(s/60)+" min"};
const draw=()=>{const e=elapsed==null?null:elapsed+(Date.now()-at)/1e3|0;
if(e==null||!usual)bar.removeAttribute("value");else{const r=e/usual,v=r<1?.95*r:1-.05*Math.exp(1-r);
bar.value=v;root.style.setProperty("--heat",v.toFixed(3))}
set("left",left(e));
set("time",e==null?"":usual==null?e+" s so far":e<=usual?e+" s of about "+usual+" s":e+" s, usually "+usual+" s")};
const show=s=>{const c=s.coldStart;elapsed=c.elapsedSeconds;usual=c.usualSeconds;at=Date.now();
set("doing",s.state=="ready"?"Ready":c.activity||s.sentence);set("starting",""+s.pods.starting);
set("queue",""+s.waiting);draw()};
const recall=()=>{try{const a=JSON.parse(sessionStorage.getItem(key));return a&&Date.now()-a.t<12e4?a.n:0}
catch{return 0}};
const enter=()=>{over=1;const n=recall();try{sessionStorage.setItem(key,JSON.stringify({n:n+1,t:Date.now()}))}catch{}
root.style.setProperty("--heat",1);bar.value=1;set("time","");
setTimeout(()=>location.reload(),n?Math.min(2**n,30)*1e3:150)};
const stop=()=>{over=1;set("doing","This takes longer than it should.");set("time","");$("again").hidden=false};
const next=()=>{clearTimeout(timer);const t=Date.now()-begun;if(over||document.hidden)return;if(t>limit)return stop();
timer=setTimeout(ask,Math.max(t<12e4?1e3:t<3e5?2e3:5e3,fails?Math.min(2**fails,5)*1e3:0))};
const ask=async()=>{if(asking||over)return;asking=1;const c=new AbortController,t=setTimeout(()=>c.abort(),8e3);
try{const a=await fetch("/.pilotlight/status?waiting=1",{cache:"no-store",signal:c.signal,
headers:{Accept:"application/json"}});if(!a.ok)throw a;const s=await a.json();fails=0;show(s);
if(s.state=="ready")enter()}
catch{if(++fails>1)set("doing","No connection; trying again")}
clearTimeout(t);asking=0;next()};
$("again").onclick=()=>location.reload();
document.addEventListener("visibilitychange",()=>{clearTimeout(timer);if(!document.hidden&&!over){begun=Date.now();ask()}});
setInterval(()=>{over||document.hidden||draw()},1e3);draw();next()})()
)";

std::string whole_or_empty(const std::optional<pods::Duration>& duration) {
    return duration ? fmt::to_string(whole_seconds(*duration).count()) : std::string{};
}

// What the script's draw() shows, for the first moment and for whoever has no script.
std::string time_text(const router::Overview& service) {
    if (!service.cold_elapsed) return {};
    const auto elapsed = whole_or_empty(service.cold_elapsed);
    if (!service.usual_cold_start) return elapsed + " s so far";
    const bool late = *service.cold_elapsed > *service.usual_cold_start;
    return fmt::format(fmt::runtime(late ? "{} s, usually {} s" : "{} s of about {} s"), elapsed,
                       whole_or_empty(service.usual_cold_start));
}

// The script's left().
std::string ready_in(const router::Overview& service) {
    if (!service.usual_cold_start) return "not known";
    const auto left = *service.usual_cold_start - service.cold_elapsed.value_or(pods::Duration{});
    if (left <= -*service.usual_cold_start) return "not known";  // nothing is usual about it any more
    return left.count() <= 0 ? "a moment" : "about " + roughly(left);
}

std::string bar(const router::Overview& service) {
    const auto& elapsed = service.cold_elapsed;
    const auto& usual = service.usual_cold_start;
    std::string value;
    if (elapsed && usual && usual->count() > 0)
        value = fmt::format(" value={:.3f}", 0.95 * std::min(1.0, std::chrono::duration<double>(*elapsed) /
                                                                      std::chrono::duration<double>(*usual)));
    return fmt::format(
        "<progress id=bar aria-label='Start of the pod'{} data-elapsed='{}' data-usual='{}'></progress>",
        value, whole_or_empty(elapsed), whole_or_empty(usual));
}

std::string body(const router::Overview& service, const WaitingPage& about) {
    const auto doing = activity(service);
    return fmt::format(
        "<main>{}<h1><span>{}</span> is starting</h1><p>It sleeps while nobody uses it. This page opens it "
        "by itself as "
        "soon as it is ready.</p><div class=card><div class=row><p id=doing role=status "
        "aria-live=polite>{}</p>"
        "<span id=time>{}</span></div>{}<dl><div><dt>Ready in</dt><dd id=left>{}</dd></div>"
        "<div><dt>Pods starting</dt><dd id=starting>{}</dd></div>"
        "<div><dt>In the queue</dt><dd id=queue>{}</dd></div></dl></div>"
        "<button id=again type=button hidden>Try again</button>"
        "<small>Pilotlight · request {}</small></main><script>{}</script>",
        flame(true), html_escape(about.service),
        html_escape(doing.empty() ? sentence(service) : std::string(doing)), time_text(service), bar(service),
        ready_in(service), service.starting_pods, service.waiting, html_escape(about.request_id), script);
}

}  // namespace

bool is_page_view(std::string_view method, std::string_view accept, std::string_view fetch_mode) {
    return method == "GET" && accept.find("text/html") != std::string_view::npos &&
           (fetch_mode.empty() || fetch_mode == "navigate");
}

std::string waiting_page_response(const router::Overview& service, const WaitingPage& about) {
    static const auto fields =
        "Retry-After: 5\r\nVary: Accept\r\nX-Robots-Tag: noindex\r\n" + page_policy(script);
    Answer answer;
    answer.status = 503;
    answer.type = "text/html; charset=utf-8";
    answer.request_id = about.request_id;
    answer.extra_fields = fields;
    answer.head_only = about.head_only;
    answer.close = about.close;
    return complete(answer,
                    page(fmt::format("{} is starting", about.service),
                         "<noscript><meta http-equiv=refresh content=5></noscript>", body(service, about)));
}

}  // namespace proxy
