#include "router/rule.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace router {
namespace {

constexpr std::string_view example = "as in: POST /my/render G";

template <class Value>
struct Word {
    std::string_view text;
    Value value;
};

constexpr std::array method_words{
    Word<unsigned>{"GET", methods::get},         Word<unsigned>{"HEAD", methods::head},
    Word<unsigned>{"POST", methods::post},       Word<unsigned>{"PUT", methods::put},
    Word<unsigned>{"PATCH", methods::patch},     Word<unsigned>{"DELETE", methods::del},
    Word<unsigned>{"OPTIONS", methods::options},
};
constexpr std::array until_words{
    Word<Until>{"gradio-queue", Until::gradio_queue}, Word<Until>{"gradio-call", Until::gradio_call},
    Word<Until>{"comfy-prompt", Until::comfy_prompt}, Word<Until>{"sdcpp-job", Until::sdcpp_job},
    Word<Until>{"invoke-batch", Until::invoke_batch},
};
constexpr std::array towards_words{
    Word<Towards>{"any", Towards::any},
    Word<Towards>{"busy", Towards::busy},
    Word<Towards>{"owner", Towards::owner},
    Word<Towards>{"seek", Towards::seek},
};
constexpr std::array condition_words{
    Word<unsigned>{"html", condition::html},
    Word<unsigned>{"sse", condition::sse},
    Word<unsigned>{"bearer", condition::bearer},
};
constexpr std::string_view class_letters = "GJWSLND";

template <class Words>
auto find(const Words& words, std::string_view text) {
    const auto found = std::ranges::find(words, text, [](const auto& word) { return word.text; });
    return found == words.end() ? std::nullopt : std::optional(found->value);
}

template <class Words>
std::string either(const Words& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i)
        text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + std::string(words[i].text);
    return text;
}

std::string quoted(std::string_view text) {
    return "'" + std::string(text.substr(0, 60)) + (text.size() > 60 ? "...'" : "'");
}

// The words of a line, one after the other.
class Words {
public:
    explicit Words(std::string_view line) : rest_(line) {}

    std::string_view next() {
        const auto from = std::min(rest_.find_first_not_of(" \t\r"), rest_.size());
        const auto to = std::min(rest_.find_first_of(" \t\r", from), rest_.size());
        const auto word = rest_.substr(from, to - from);
        rest_.remove_prefix(to);
        if (!word.empty()) said_ += (said_.empty() ? "" : " ") + std::string(word);
        return word;
    }
    const std::string& said() const { return said_; }

private:
    std::string_view rest_;
    std::string said_;
};

std::string read_methods(std::string_view text, unsigned& out) {
    if (text == "*") return out = methods::any, std::string();
    while (true) {
        const auto bar = text.find('|');
        const auto word = text.substr(0, bar);
        if (word == "WS")
            out |= methods::websocket;
        else if (const auto bit = find(method_words, word))
            out |= *bit | (*bit == methods::get ? methods::head : 0);
        else
            return quoted(word) + " is no method; a rule begins with *, WS, " + either(method_words) +
                   ", several with | between them, " + std::string(example);
        if (bar == std::string_view::npos) return {};
        text.remove_prefix(bar + 1);
    }
}

std::string read_class(std::string_view text, Class& out) {
    if (text.empty()) return "no class; after the path comes one of G J W S L N D, " + std::string(example);
    const auto at = text.size() == 1 ? class_letters.find(text.front()) : std::string_view::npos;
    if (at == std::string_view::npos)
        return quoted(text) + " is no class; after the path comes one of G J W S L N D, " +
               std::string(example);
    out = static_cast<Class>(at);
    return {};
}

template <class WordList, class Value>
std::string read_word(std::string_view what, std::string_view text, const WordList& words, Value& out) {
    const auto value = find(words, text);
    if (!value)
        return std::string(what) + (text.empty() ? " what? Write " : " " + quoted(text) + ": write ") +
               either(words);
    out = *value;
    return {};
}

std::string read_condition(std::string_view text, Rule& rule) {
    if (text == "task") return rule.task_only = rule.peek = true, std::string();
    if (const auto bit = find(condition_words, text)) return rule.condition |= *bit, std::string();
    return "if " + quoted(text) + ": write html, sse, bearer or task";
}

std::string read_rest(Words& words, Rule& rule) {
    for (auto word = words.next(); !word.empty(); word = words.next()) {
        std::string wrong;
        if (word == "until")
            wrong = read_word("until", words.next(), until_words, rule.until);
        else if (word == "towards")
            wrong = read_word("towards", words.next(), towards_words, rule.towards);
        else if (word == "if")
            wrong = read_condition(words.next(), rule);
        else if (word == "peek")
            rule.peek = true;
        else
            wrong = quoted(word) + ": after the class may come until, towards, if or peek";
        if (!wrong.empty()) return wrong;
    }
    return {};
}

std::string contradiction(const Rule& rule) {
    const bool is_job = rule.what == Class::job;
    if (is_job && rule.until == Until::answer)
        return "a J says when its job has ended: until " + either(until_words) +
               "; what works until its answer has ended is G";
    if (!is_job && rule.until != Until::answer)
        return std::string("only J has an until; ") + letter(rule.what) + " ends with its answer";
    if (rule.towards != Towards::any && rule.what != Class::light && rule.what != Class::stream)
        return "only L and S have towards; the others go to their session's pod or wait for a slot";
    if (rule.task_only && !is_job && rule.what != Class::generation && rule.what != Class::socket)
        return "if task is for G, J and W: without a task they take no slot";
    if (rule.what == Class::socket && rule.methods != methods::websocket)
        return "W is for WebSockets: write WS before the path";
    return {};
}

}  // namespace

unsigned method_bit(std::string_view method) {
    return find(method_words, method).value_or(methods::other);
}

ReadRule read_rule(std::string_view line) {
    ReadRule read;
    auto& rule = read.rule;
    Words words(line);
    read.wrong = read_methods(words.next(), rule.methods);
    if (read.wrong.empty()) {
        rule.pattern = std::string(words.next());
        read.wrong = rule.pattern.empty() ? "no path; after the method comes a path, " + std::string(example)
                                          : expand(rule.pattern).wrong;
    }
    if (read.wrong.empty()) read.wrong = read_class(words.next(), rule.what);
    if (read.wrong.empty()) read.wrong = read_rest(words, rule);
    if (read.wrong.empty()) read.wrong = contradiction(rule);
    rule.text = words.said();
    return read;
}

std::string_view word_of(Until until) {
    const auto word = std::ranges::find(until_words, until, &Word<Until>::value);
    return word == until_words.end() ? std::string_view() : word->text;
}

std::string_view word_of(Towards towards) {
    return std::ranges::find(towards_words, towards, &Word<Towards>::value)->text;
}

std::string what_is_wrong(std::string_view line) {
    return read_rule(line).wrong;
}

}  // namespace router
