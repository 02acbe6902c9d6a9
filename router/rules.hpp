// What a request costs a pod, and where it may go: the first rule that matches says so (PRODUCT.md section 6,
// docs/classes.md). Compiled once from lines of text, the built-in ones of a profile and the user's before
// them; then a walk along the path's segments. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/pattern.hpp"
#include "router/towards.hpp"

namespace router {

enum class Class : unsigned char {
    generation,  // G: takes a slot, waits for it, is demand
    job,         // J: G whose answer comes at once; the slot is free again when the job has ended
    socket,      // W: a WebSocket of Gradio 3; the slot is its session's while it works
    stream,      // S: open for long; no slot, no demand
    light,       // L: no slot, no demand, wakes nothing
    navigation,  // N: light that may wake a pod
    denied,      // D
};
constexpr char letter(Class c) {
    return "GJWSLND"[static_cast<int>(c)];
}

// What ends the slot of a job. `answer`: nothing but its own answer, as for every other class.
enum class Until : unsigned char { answer, gradio_queue, gradio_call, comfy_prompt, sdcpp_job, invoke_batch };

enum class Profile : unsigned char { automatic, stable_diffusion, comfyui, gradio, strict };

struct Asked {
    std::string_view method, path, query, accept;  // the path as sent; its query is not looked at
    bool websocket = false;                        // GET with Upgrade: websocket
    bool bearer = false;                           // Authorization: Bearer
};

struct Classified {
    Class what = Class::generation;
    Until until = Until::answer;
    Towards towards = Towards::any;
    bool task_only =
        false;              // the class holds only if data[0] of the JSON body is "task(..."; see with_task()
    bool peek = false;      // the JSON body has ids that are worth reading
    std::string_view rule;  // as users write it; lives as long as the Rules
    std::uint16_t number = 0;  // of the rule, in Rules::all()
};

// A request of a rule with `if task`, once its body is known: without a task it is light
// (modules/call_queue.py wrap_gradio_gpu_call: only those take the GPU), a socket a stream.
Classified with_task(Classified, bool is_task);

struct Rule {
    std::string text;        // the line, words separated by one space
    std::string origin;      // "profile auto", "sd.yaml:14"
    std::string pattern;     // of the path
    unsigned methods = 0;    // bits
    unsigned condition = 0;  // bits: `if html` ...
    Class what = Class::generation;
    Until until = Until::answer;
    Towards towards = Towards::any;
    bool task_only = false;
    bool peek = false;
};

// A line of the annotation pilotlight.dev/rules:
//   METHODS PATTERN CLASS [until WHAT] [towards WHERE] [if html|sse|bearer|task] [peek]
// METHODS: `*`, or some of GET (also HEAD) HEAD POST PUT PATCH DELETE OPTIONS WS with `|` between them.
struct UserRule {
    std::string text;
    std::string origin;

    friend bool operator==(const UserRule&, const UserRule&) = default;
};

// What is wrong with a line, and what to write instead; empty: nothing.
std::string what_is_wrong(std::string_view line);

class Rules {
public:
    static constexpr std::size_t most_user_rules = 1000;

    struct Made {
        std::shared_ptr<const Rules> rules;  // empty exactly if there are errors
        std::vector<std::string> errors;     // "origin: what is wrong"
    };
    static Made make(Profile, std::span<const UserRule> = {});

    Classified classify(const Asked&) const;
    std::span<const Rule> all() const { return rules_; }  // in the order in which they are tried

private:
    Rules() = default;
    void add(Rule);

    std::vector<Rule> rules_;
    PathIndex index_;
};

// The built-in lines of a profile, with the comments that name their sources.
std::vector<std::string_view> lines_of(Profile);

// "auto", "stable-diffusion" ... as the annotation pilotlight.dev/profile has them.
std::string_view name_of(Profile);
std::optional<Profile> profile_named(std::string_view);

// The words of a rule: "gradio-queue", "busy"; empty for Until::answer.
std::string_view word_of(Until);
std::string_view word_of(Towards);

// For people: a line each.
std::string_view meaning_of(Class);
std::string_view meaning_of(Until);
std::string_view meaning_of(Towards);

}  // namespace router
