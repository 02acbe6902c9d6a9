#include "cli/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cli/command_table.hpp"
#include "manifest/problem.hpp"

namespace cli {
namespace {

constexpr std::size_t page_width = 116;

constexpr std::string_view begins =
    R"(Pilotlight holds requests while no pod runs, lights a pod, and hands each pod exactly as much work as it can take.

Usage: pilotlight COMMAND [arguments]

)";

constexpr std::string_view ends = R"(
Each command has its own --help, with examples. To begin:

  pilotlight check -f conf/
  pilotlight serve -f conf/knative-sd-demo.yaml -f conf/gateway-demo.yaml
  curl -H 'Host: knative-sd-demo.default.example.com' -d '{"prompt": "pretty dog"}' \
       -H 'Content-Type: application/json' http://127.0.0.1:8080/sdapi/v1/txt2img
  pilotlight top

Exit codes: 0 ok, 1 failed, 2 wrong usage.
)";

std::vector<Command> all() {
    auto out = table::of_manifests();
    for (auto part : {table::of_a_gateway(), table::of_figures()})
        out.insert(out.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
    for (auto& command : out)
        command.flags.push_back({.brief = 'h', .full = "--help", .value = "", .text = "this text"});
    return out;
}

std::string usage(const Flag& flag) {
    std::string out = flag.brief != 0 ? fmt::format("-{}, ", flag.brief) : "    ";
    out += flag.full;
    if (!flag.value.empty()) (out += ' ') += flag.value;
    return out;
}

std::string explained(const Flag& flag) {
    std::string out(flag.text);
    if (flag.means == Means::choice) {
        if (!out.empty()) out += ": ";
        out += manifest::either(split_choices(flag.choices));
    }
    if (!flag.variable.empty()) out += fmt::format(" [${}]", flag.variable);
    return out;
}

// A text in a column of its own, broken between words.
void wrapped(std::string& out, std::string_view text, std::size_t indent) {
    std::size_t used = indent;
    bool first = true;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(' ', at), text.size());
        const auto word = text.substr(at, end - at);
        at = end + 1;
        if (!first && used + 1 + word.size() > page_width) {
            (out += '\n').append(indent, ' ');
            used = indent;
            first = true;
        }
        if (!first) out += ' ', ++used;
        out += word;
        used += word.size();
        first = false;
    }
    out += '\n';
}

void list_flags(std::string& out, const Command& command) {
    std::size_t widest = 0;
    for (const auto& flag : command.flags) widest = std::max(widest, usage(flag).size());
    widest = std::min<std::size_t>(widest, 34);
    for (const auto& flag : command.flags) {
        auto left = "  " + usage(flag);
        if (left.size() > widest + 2)
            left += "\n" + std::string(widest + 4, ' ');
        else
            left.resize(widest + 4, ' ');
        out += left;
        wrapped(out, explained(flag), widest + 4);
    }
}

}  // namespace

std::span<const Command> commands() {
    static const auto table = all();
    return table;
}

const Command* find_command(std::string_view name) {
    for (const auto& command : commands())
        if (command.name == name) return &command;
    return nullptr;
}

const Flag* find_flag(const Command& command, std::string_view word) {
    const bool brief = word.size() == 2 && word[0] == '-' && word[1] != '-';
    for (const auto& flag : command.flags)
        if (brief ? flag.brief == word[1] : flag.full == word) return &flag;
    return nullptr;
}

std::vector<std::string_view> split_choices(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0) out.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::string help() {
    std::string out(begins);
    std::size_t widest = 0;
    const auto left = [](const Command& command) {
        return fmt::format("  {}{}{}", command.name, command.words.empty() ? "" : " ", command.words);
    };
    for (const auto& command : commands())
        if (!command.hidden) widest = std::max(widest, left(command).size());
    for (const auto& command : commands())
        if (!command.hidden) out += fmt::format("{:<{}}  {}\n", left(command), widest, command.summary);
    out += ends;
    return out;
}

std::string help(const Command& command) {
    std::string out(command.about);
    out += fmt::format("\n\nUsage: pilotlight {}{}{} [flags]\n", command.name,
                       command.words.empty() ? "" : " ", command.words);
    if (!command.examples.empty()) (out += "\nExamples:\n") += command.examples;
    out += "\nFlags:\n";
    list_flags(out, command);
    if (!command.notes.empty()) (out += '\n') += command.notes;
    return out;
}

}  // namespace cli
