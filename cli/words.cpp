#include "cli/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdlib>
#include <ostream>

#include "manifest/problem.hpp"

namespace cli {
namespace {

// `letter` is the one of a bundle that is unknown. "-watch" is meant as "--watch".
[[noreturn]] void unknown_flag(const Command& command, const std::string& word, std::string letter = {}) {
    std::vector<std::string_view> known;
    for (const auto& flag : command.flags) known.push_back(flag.full);
    auto advice = manifest::did_you_mean(word.starts_with("--") ? word : "-" + word, known);
    if (!advice.empty() || letter.empty()) letter = word;
    for (const auto& other : commands())
        if (advice.empty() && !other.hidden && find_flag(other, letter) != nullptr)
            advice = fmt::format("; it is one of pilotlight {}", other.name);
    throw Usage(fmt::format("unknown flag {}{}", letter, advice));
}

void check_choice(const Flag& flag, std::string_view value) {
    if (flag.means != Means::choice) return;
    const auto choices = split_choices(flag.choices);
    if (std::ranges::find(choices, value) != choices.end()) return;
    throw Usage(fmt::format("{} takes {}, not '{}'{}", flag.full, manifest::either(choices), value,
                            manifest::did_you_mean(value, choices)));
}

}  // namespace

Words::Words(const Command& command, std::span<const std::string> args) : command_(&command) {
    // Whoever asks for help is not told what is wrong with the rest.
    for (const auto& word : args) {
        if (word == "--") break;
        if (word != "--help" && word != "-h") continue;
        flags_.emplace_back("--help", "");
        return;
    }
    while (!args.empty()) {
        const auto& word = args.front();
        args = args.subspan(1);
        if (word == "--") {
            free_.insert(free_.end(), args.begin(), args.end());
            return;
        }
        if (!word.starts_with('-') || word == "-") {
            take_free(word);
            continue;
        }
        open_ = nullptr;
        word.starts_with("--") ? long_flag(word, args) : short_flags(word, args);
    }
}

namespace {

std::string next(std::span<const std::string>& left, const Flag& flag, const std::string& word) {
    if (left.empty()) throw Usage(fmt::format("{} needs a value: {} {}", word, word, flag.value));
    const auto& out = left.front();
    left = left.subspan(1);
    return out;
}

}  // namespace

void Words::long_flag(const std::string& word, std::span<const std::string>& left) {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto* flag = find_flag(*command_, name);
    if (flag == nullptr) unknown_flag(*command_, name);
    const bool has_value = equals != std::string::npos;
    if (flag->value.empty() && has_value) throw Usage(fmt::format("{} takes no value", name));
    if (flag->value.empty()) return take(*flag, {});
    take(*flag, has_value ? word.substr(equals + 1) : next(left, *flag, word));
}

// What follows a switch is more of them: "-Aw", "-Aowide".
void Words::short_flags(const std::string& word, std::span<const std::string>& left) {
    for (std::size_t at = 1; at < word.size(); ++at) {
        const auto* flag = find_flag(*command_, "-" + word.substr(at, 1));
        if (flag == nullptr) unknown_flag(*command_, word, "-" + word.substr(at, 1));
        if (flag->value.empty()) {
            take(*flag, {});
            continue;
        }
        const bool apart = at + 1 == word.size();
        const bool equals = !apart && word[at + 1] == '=';
        return take(*flag, apart ? next(left, *flag, word) : word.substr(at + (equals ? 2 : 1)));
    }
}

void Words::take(const Flag& flag, std::string value) {
    check_choice(flag, value);
    flags_.emplace_back(flag.full, std::move(value));
    if (flag.takes_more) open_ = &flag;
}

// A word behind `-f a.yaml` is another file, as soon as the command has all the words that it needs.
void Words::take_free(const std::string& word) {
    if (open_ != nullptr && free_.size() >= command_->means.size())
        flags_.emplace_back(open_->full, word);
    else
        free_.push_back(word);
}

std::optional<std::string> Words::value(std::string_view flag) const {
    assert(find_flag(*command_, flag) != nullptr);
    for (auto one = flags_.rbegin(); one != flags_.rend(); ++one)
        if (one->first == flag) return one->second;
    return from_environment(*command_, flag);
}

std::string Words::value(std::string_view flag, std::string otherwise) const {
    return value(flag).value_or(std::move(otherwise));
}

std::vector<std::string> Words::values(std::string_view flag) const {
    assert(find_flag(*command_, flag) != nullptr);
    std::vector<std::string> out;
    for (const auto& [name, value] : flags_)
        if (name == flag) out.push_back(value);
    if (out.empty())
        if (auto given = from_environment(*command_, flag)) out.push_back(std::move(*given));
    return out;
}

std::optional<long> Words::number(std::string_view flag, long least, long most) const {
    const auto text = value(flag);
    if (!text) return std::nullopt;
    long out = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
    if (error != std::errc{} || end != text->data() + text->size() || out < least || out > most)
        throw Usage(fmt::format("{} takes a number from {} to {}, not '{}'", flag, least, most, *text));
    return out;
}

std::string Words::only(std::string_view missing) const {
    if (free_.empty()) throw Usage(std::string(missing));
    if (free_.size() > 1) throw Usage(fmt::format("one at a time, and '{}' is another", free_[1]));
    return free_.front();
}

std::optional<std::string> from_environment(const Command& command, std::string_view flag) {
    const auto* known = find_flag(command, flag);
    if (known == nullptr || known->variable.empty()) return std::nullopt;
    const char* value = std::getenv(std::string(known->variable).c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    check_choice(*known, value);
    return std::string(value);
}

int within(std::string_view name, std::span<const std::string> args, std::ostream& out, std::ostream& err,
           const std::function<int(const Words&)>& run) {
    const auto& command = *find_command(name);
    try {
        const Words words(command, args);
        if (!words.asks_for_help()) return run(words);
        out << help(command);
        return 0;
    } catch (const Usage& error) {
        err << fmt::format("pilotlight {}: {}\nSee 'pilotlight {} --help'.\n", name, error.what(), name);
        return 2;
    } catch (const std::invalid_argument& error) {
        err << fmt::format("pilotlight {}: {}\n", name, error.what());
        return 2;
    } catch (const std::exception& error) {
        err << error.what() << "\n";
        return 1;
    }
}

}  // namespace cli
