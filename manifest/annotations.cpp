#include "manifest/annotations.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "manifest/autoscaling.hpp"
#include "manifest/names.hpp"
#include "manifest/units.hpp"

namespace manifest {

namespace {

using namespace std::chrono_literals;

constexpr auto day = 24h;
constexpr std::int64_t longest_cookie = 400 * 86'400;  // RFC 6265bis section 5.5: no browser keeps one longer

template <class Out>
bool set_duration(std::string_view text, Out& out, std::chrono::nanoseconds low,
                  std::chrono::nanoseconds high) {
    const auto value = parse_duration(text);
    if (!value || *value < low || *value > high) return false;
    out = *value;
    return true;
}

template <class Out>
bool set_integer(std::string_view text, Out& out, std::int64_t low, std::int64_t high) {
    const auto value = parse_integer(text);
    if (!value || *value < low || *value > high) return false;
    out = Out(*value);
    return true;
}

constexpr std::string_view rules_key = "pilotlight.dev/rules";
constexpr std::string_view warm_hours_key = "pilotlight.dev/warm-hours";
constexpr std::size_t most_warm_windows = 100;

bool set_flag(std::string_view text, bool& out) {
    out = text == "true";
    return text == "true" || text == "false";
}

constexpr std::array rules{
    AnnotationRule{"serving.knative.dev.alibabacloud/affinity", "Keep a browser on its pod by a cookie",
                   "none", "`cookie`, `none`",
                   [](std::string_view value, Service& service) {
                       service.affinity.cookie = value == "cookie";
                       return value == "cookie" || value == "none";
                   }},
    AnnotationRule{"serving.knative.dev.alibabacloud/cookie-name", "Name of that cookie", "sd",
                   "letters, digits and `-_.`, up to 64 (RFC 9110 token)",
                   [](std::string_view value, Service& service) {
                       service.affinity.cookie_name = value;
                       return is_token(value) && value.size() <= 64;
                   }},
    AnnotationRule{"serving.knative.dev.alibabacloud/cookie-timeout",
                   "How long a session lives without use, in seconds", "1800", "1 to 34560000",
                   [](std::string_view value, Service& service) {
                       return set_integer(value, service.affinity.cookie_timeout, 1, longest_cookie);
                   }},
    AnnotationRule{
        "pilotlight.dev/profile",
        "Which requests take a slot: built-in rules for a kind of pod; `auto` is all of them together, "
        "`strict` is plain Knative, where every request takes one",
        "auto", "`auto`, `stable-diffusion`, `comfyui`, `gradio`, `strict`",
        [](std::string_view value, Service& service) {
            const auto profile = router::profile_named(value);
            service.profile = profile.value_or(service.profile);
            return profile.has_value();
        }},
    AnnotationRule{rules_key, "Rules ahead of the profile's, see [classes.md](classes.md)", "# none",
                   "lines of `METHODS PATTERN CLASS`, as `POST /my/render G`; `#` begins a comment", nullptr},
    AnnotationRule{
        "pilotlight.dev/on-disconnect",
        "When a client leaves while its pod works: let the pod finish, or tell it to stop (where one request "
        "works at a time: containerConcurrency 1); the slot is free when the pod has answered, either way",
        "drain", "`drain`, `interrupt`",
        [](std::string_view value, Service& service) {
            service.on_disconnect = value == "interrupt" ? OnDisconnect::interrupt : OnDisconnect::drain;
            return value == "drain" || value == "interrupt";
        }},
    AnnotationRule{
        "pilotlight.dev/startup-silence",
        "After a bare tcpSocket probe: how long a pod whose port has opened is sent no HTTP request at all "
        "(one may end a Stable Diffusion WebUI that is not complete yet); then it is asked until it answers; "
        "`default` is the Gateway's `timeouts.startupSilence`, `0s`: the open port is enough",
        "default", "0s to 10m, or `default`",
        [](std::string_view value, Service& service) {
            if (value == "default") return service.startup_silence.reset(), true;
            return set_duration(value, service.startup_silence, 0s, 10min);
        }},
    AnnotationRule{"pilotlight.dev/access",
                   "Only with a key of this list of the Gateway's `spec.access`, see [access.md](access.md)",
                   "none", "a list's name, or `none`",
                   [](std::string_view value, Service& service) {
                       service.access = value == "none" ? std::string_view{} : value;
                       return is_token(value) && value.size() <= 64;
                   }},
    AnnotationRule{"pilotlight.dev/replicas",
                   "So many pods, whatever the autoscaler wants, for as long as the annotation is there: what "
                   "`pilotlight scale` and `kubectl scale` set; with 0 requests are refused at once",
                   "auto", "0 to 1000, or `auto`",
                   [](std::string_view value, Service& service) {
                       if (value == "auto") return service.scaling.by_hand.reset(), true;
                       int replicas = 0;
                       if (!set_integer(value, replicas, 0, 1000)) return false;
                       service.scaling.by_hand = replicas;
                       return true;
                   }},
    AnnotationRule{"pilotlight.dev/source",
                   "Where the object comes from; written by the gateway, and no matter in a manifest", "# none",
                   "anything", [](std::string_view, Service&) { return true; }},
    AnnotationRule{"pilotlight.dev/queue-depth", "Requests that may wait; one more is answered 503", "10000",
                   "1 to 1000000",
                   [](std::string_view value, Service& service) {
                       return set_integer(value, service.pool.queue_depth, 1, 1'000'000);
                   }},
    AnnotationRule{"pilotlight.dev/queue-bytes", "Bodies of the waiting requests, all together", "1Gi",
                   "1Mi to 1Ti",
                   [](std::string_view value, Service& service) {
                       const auto bytes = parse_quantity(value);
                       if (!bytes || *bytes < (1ull << 20) || *bytes > (1ull << 40)) return false;
                       service.pool.queue_bytes = *bytes;
                       return true;
                   }},
    AnnotationRule{"pilotlight.dev/queue-timeout", "How long a request waits for a slot while a pod is ready",
                   "5m", "100ms to 24h",
                   [](std::string_view value, Service& service) {
                       return set_duration(value, service.pool.queue_timeout, 100ms, day);
                   }},
    AnnotationRule{"pilotlight.dev/cold-start-timeout", "How long a request waits while no pod is ready",
                   "10m", "100ms to 24h",
                   [](std::string_view value, Service& service) {
                       return set_duration(value, service.pool.cold_start_timeout, 100ms, day);
                   }},
    AnnotationRule{
        "pilotlight.dev/retry", "How often a request is tried elsewhere whose pod died before it answered",
        "1", "0 to 10",
        [](std::string_view value, Service& service) { return set_integer(value, service.retry, 0, 10); }},
    AnnotationRule{"pilotlight.dev/affinity-wait",
                   "How long a session waits for its own busy pod before another one serves it", "forever",
                   "0s to 24h, or `forever`",
                   [](std::string_view value, Service& service) {
                       if (value == "forever") return service.pool.affinity_wait.reset(), true;
                       return set_duration(value, service.pool.affinity_wait, 0s, day);
                   }},
    AnnotationRule{"pilotlight.dev/failures-to-bench",
                   "Consecutive errors that take a pod out until it passes its probe", "3", "1 to 1000",
                   [](std::string_view value, Service& service) {
                       return set_integer(value, service.pool.failures_to_bench, 1, 1000);
                   }},
    AnnotationRule{"pilotlight.dev/cold-start-worth",
                   "Break-even: the time of an idle pod that sparing a user one cold start is worth", "45s",
                   "0s to 24h",
                   [](std::string_view value, Service& service) {
                       return set_duration(value, service.scaling.break_even.worth, 0s, day);
                   }},
    AnnotationRule{"pilotlight.dev/patience",
                   "Break-even: no pod starts for a request that a busy pod takes within this time", "5s",
                   "0s to 1h",
                   [](std::string_view value, Service& service) {
                       return set_duration(value, service.scaling.break_even.patience, 0s, 1h);
                   }},
    AnnotationRule{"pilotlight.dev/spare",
                   "Break-even: idle pods that are kept ready while there is any demand", "0", "0 to 1000",
                   [](std::string_view value, Service& service) {
                       return set_integer(value, service.scaling.break_even.spare, 0, 1000);
                   }},
    AnnotationRule{"pilotlight.dev/cancel-starts",
                   "Break-even: end a starting pod that nobody waits for; `false` where that saves nothing",
                   "true", "`true`, `false`",
                   [](std::string_view value, Service& service) {
                       return set_flag(value, service.scaling.break_even.cancel);
                   }},
    AnnotationRule{"pilotlight.dev/cold-start-guess",
                   "Break-even: how long a cold start is taken to last until one was measured", "30s",
                   "0s to 1h",
                   [](std::string_view value, Service& service) {
                       return set_duration(value, service.scaling.break_even.cold_start_guess, 0s, 1h);
                   }},
    AnnotationRule{
        warm_hours_key, "Fewest pods by hours of the week, see [autoscaling.md](autoscaling.md#warm-hours)",
        "# none",
        "lines of `DAYS FROM-TO PODS`, as `Mon-Fri 08:00-18:00 2`, or `;` between them; local time, "
        "or `UTC` or `+02:00` at the end",
        nullptr},
    AnnotationRule{"pilotlight.dev/max-starting", "Pods that may start at the same time; 0: no bound", "0",
                   "0 to 1000",
                   [](std::string_view value, Service& service) {
                       return set_integer(value, service.scaling.max_starting, 0, 1000);
                   }},
    AnnotationRule{"pilotlight.dev/panic-counts-starting",
                   "KPA: pods on their way count against panic as if they were ready, unlike in Knative",
                   "false", "`true`, `false`",
                   [](std::string_view value, Service& service) {
                       return set_flag(value, service.scaling.panic_counts_starting);
                   }},
};

const AnnotationRule* find_rule(std::string_view key) {
    const auto rule = std::ranges::find(rules, key, &AnnotationRule::key);
    return rule == rules.end() ? nullptr : &*rule;
}

std::vector<std::string_view> names_under(std::string_view prefix) {
    std::vector<std::string_view> names;
    for (const auto& rule : rules)
        if (rule.key.starts_with(prefix)) names.push_back(rule.key.substr(prefix.size()));
    return names;
}

std::string without_backticks(std::string_view text) {
    std::string plain;
    std::ranges::copy_if(text, std::back_inserter(plain), [](char c) { return c != '`'; });
    return plain;
}

void refuse_unknown(const std::string& key, const Annotation& annotation, Problems& problems) {
    if (key.starts_with(own_prefix)) {
        const auto name = std::string_view(key).substr(own_prefix.size());
        const auto names = names_under(own_prefix);
        auto advice = did_you_mean(name, names);
        if (advice.empty()) advice = "; known are " + either(names);
        problems.error(annotation.place, key + ": unknown annotation" + advice);
    } else if (key.starts_with(affinity_prefix)) {
        const auto advice =
            did_you_mean(std::string_view(key).substr(affinity_prefix.size()), names_under(affinity_prefix));
        if (!advice.empty())
            problems.warning(annotation.place, key + ": unknown annotation, ignored" + advice);
    }
}

// Where line `number` (from 0) of an annotation's text stands: exactly in a literal block, else where the
// value begins.
Place place_of_line(const Annotation& annotation, int number) {
    if (annotation.literal.line == 0) return annotation.value_place;
    return {annotation.literal.file, annotation.literal.line + number, annotation.literal.column};
}

void read_rules(const Annotation& annotation, Service& service, Problems& problems) {
    service.rules.clear();
    std::string_view rest = annotation.value;
    for (int number = 0; !rest.empty(); ++number) {
        auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        line = line.substr(0, line.find('#'));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        const auto place = place_of_line(annotation, number);
        if (service.rules.size() == router::Rules::most_user_rules)
            return problems.error(place, std::string(rules_key) + ": more than " +
                                             std::to_string(router::Rules::most_user_rules) + " rules");
        if (const auto wrong = router::what_is_wrong(line); !wrong.empty())
            problems.error(place, std::string(rules_key) + ": " + wrong);
        service.rules.push_back(
            {std::string(line), std::string(place.file) + ":" + std::to_string(place.line)});
    }
}

// One piece of a line; `at` is where it begins in it.
void read_warm_window(const Annotation& annotation, std::string_view text, Place place, std::size_t at,
                      Service& service, Problems& problems) {
    const auto read = autoscaler::parse_warm_window(text);
    const auto key = std::string(warm_hours_key) + ": ";
    if (const auto* wrong = std::get_if<autoscaler::NoWindow>(&read)) {
        if (annotation.literal.line != 0) place.column += static_cast<int>(at + wrong->at);
        return problems.error(place, key + wrong->why);
    }
    const auto& window = std::get<autoscaler::WarmWindow>(read);
    const int most = service.scaling.max_scale;
    if (most > 0 && window.pods > most)
        problems.warning(place, key + window.name + " wants " + std::to_string(window.pods) +
                                    " pods, max-scale allows " + std::to_string(most));
    service.scaling.warm_hours.push_back(window);
}

void read_warm_hours(const Annotation& annotation, Service& service, Problems& problems) {
    service.scaling.warm_hours.clear();
    std::string_view rest = annotation.value;
    for (int number = 0; !rest.empty(); ++number) {
        const auto whole = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(whole.size() + 1, rest.size()));
        const auto line = whole.substr(0, whole.find('#'));
        for (std::size_t at = 0; at < line.size();) {
            const auto text = line.substr(at, line.find(';', at) - at);
            const auto place = place_of_line(annotation, number);
            if (service.scaling.warm_hours.size() == most_warm_windows)
                return problems.error(place, std::string(warm_hours_key) + ": more than " +
                                                 std::to_string(most_warm_windows) + " windows");
            if (text.find_first_not_of(" \t\r") != std::string_view::npos)
                read_warm_window(annotation, text, place, at, service, problems);
            at += text.size() + 1;
        }
    }
}

void apply(const Annotations& annotations, Service& service, Problems& problems) {
    for (const auto& [key, annotation] : annotations) {
        const auto* rule = find_rule(key);
        if (!rule) {
            refuse_unknown(key, annotation, problems);
        } else if (key == rules_key) {
            read_rules(annotation, service, problems);
        } else if (key == warm_hours_key) {
            read_warm_hours(annotation, service, problems);
        } else if (!rule->apply(annotation.value, service)) {
            problems.error(annotation.value_place, key + ": must be " + without_backticks(rule->valid) +
                                                       ", not " + quote(annotation.value));
        }
    }
}

std::string code(std::string_view text) {
    return "`" + std::string(text) + "`";
}

}  // namespace

std::span<const AnnotationRule> annotation_rules() {
    return rules;
}

void apply_annotations(const Annotations& service_annotations, const Annotations& template_annotations,
                       Service& service, Problems& problems) {
    apply(service_annotations, service, problems);
    apply(template_annotations, service, problems);
}

void warn_idle_annotations(const Annotations& annotations, autoscaler::Policy policy, Problems& problems) {
    const bool kpa = policy == autoscaler::Policy::kpa;
    for (const auto& [key, annotation] : annotations) {
        const auto* rule = find_rule(key);
        if (rule == nullptr || !rule->meaning.starts_with(kpa ? "Break-even: " : "KPA: ")) continue;
        const auto other = kpa ? break_even_class : kpa_class;
        problems.warning(annotation.place, key + ": counts only with class " + std::string(other));
    }
}

std::string explain_annotations() {
    std::string text =
        "| annotation | meaning | default | valid |\n"
        "| --- | --- | --- | --- |\n";
    const auto row = [&](const std::string& key, std::string_view meaning, const std::string& fallback,
                         std::string_view valid) {
        text += "| " + key + " | " + std::string(meaning) + " | " + fallback + " | " + std::string(valid) +
                " |\n";
    };
    for (const auto& rule : rules) row(code(rule.key), rule.meaning, code(rule.fallback), rule.valid);
    text += "\n| under `" + std::string(autoscaling_prefix) +
            "` | meaning | default | valid |\n| --- | --- | --- | --- |\n";
    for (const auto& key : autoscaling_keys())
        row(code(key.name) + (key.alias.empty() ? "" : ", " + code(key.alias)), key.meaning,
            std::string(key.fallback), key.valid);
    row(code(progress_deadline_key), "How long a pod may take to become ready", "600s",
        "more than 0s, whole seconds");
    return text;
}

}  // namespace manifest
