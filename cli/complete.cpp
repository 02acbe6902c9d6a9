#include "cli/complete.hpp"

#include <algorithm>

namespace cli {
namespace {

// Where the words lead: what the last one is.
struct Position {
    const Flag* value_of = nullptr;  // it is this flag's value
    const Flag* open = nullptr;      // it may be another of this flag's values
    std::vector<std::string> free;   // the words before it that are no flags
    std::vector<const Flag*> given;
    bool flags_over = false;  // "--" was there
    std::string prefix;       // what of the word is no part of the value: "--output="
    std::string word;
};

Position position_of(const Command& command, std::span<const std::string> words) {
    Position at;
    at.word = words.back();
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const auto& word = words[i];
        if (at.flags_over || !word.starts_with('-') || word == "-") {
            if (at.value_of != nullptr && word == "=") continue;  // as bash tears "--output=json"
            if (at.value_of != nullptr)
                at.value_of = nullptr;
            else if (at.open == nullptr || at.free.size() < command.means.size())
                at.free.push_back(word);
            continue;
        }
        at.value_of = at.open = nullptr;
        if (word == "--") {
            at.flags_over = true;
            continue;
        }
        const auto equals = word.find('=');
        const auto* flag = find_flag(command, word.substr(0, equals));
        if (flag == nullptr) continue;
        at.given.push_back(flag);
        if (!flag->value.empty() && equals == std::string::npos) at.value_of = flag;
        if (flag->takes_more) at.open = flag;
    }
    if (at.flags_over) return at;
    if (at.value_of != nullptr && at.word == "=") at.word.clear();
    const auto equals = at.word.find('=');
    if (at.value_of == nullptr && at.word.starts_with("--") && equals != std::string::npos) {
        at.value_of = find_flag(command, at.word.substr(0, equals));
        at.prefix = at.word.substr(0, equals + 1);
        at.word.erase(0, equals + 1);
    }
    return at;
}

class Collector {
public:
    Collector(const Command& command, std::span<const std::string> words, const AskNames& ask)
        : command_(command), words_(words), ask_(ask), at_(position_of(command, words)) {}

    Completion run() {
        if (at_.value_of != nullptr)
            values(at_.value_of->means, at_.value_of->choices);
        else if (!at_.flags_over && at_.word.starts_with('-'))
            flags();
        else
            word();
        return std::move(out_);
    }

private:
    void word() {
        const auto& means = command_.means;
        const auto here = at_.free.size();
        if (here < means.size()) return values(means[here], command_.choices);
        if (!means.empty() && command_.words.ends_with("...")) return values(means.back(), command_.choices);
        if (at_.open != nullptr) return values(at_.open->means, at_.open->choices);
        if (at_.word.empty()) flags();
    }

    void values(Means means, std::string_view choices) {
        switch (means) {
            case Means::file:
            case Means::folder:
                out_.besides = means;
                return;
            case Means::choice:
            case Means::hint:
            case Means::kind:
                for (const auto choice : split_choices(choices)) add(std::string(choice), {});
                return;
            case Means::name:
                return names(kind());
            case Means::pod:
                return names("pods");
            case Means::service:
                return names("services");
            case Means::name_space:
                return names("namespaces");
            case Means::anything:
                return;
        }
    }

    std::string_view kind() const {
        const std::string_view first = at_.free.empty() ? std::string_view() : at_.free.front();
        for (const auto known : split_choices(command_.choices))
            if (first == known || (known.ends_with('s') && first == known.substr(0, known.size() - 1)))
                return known;
        return {};
    }

    void names(std::string_view kind) {
        if (kind.empty()) return;
        for (auto& name : ask_(command_, words_.first(words_.size() - 1), kind)) add(std::move(name), {});
    }

    void flags() {
        for (const auto& flag : command_.flags) {
            const bool once = flag.value.empty();
            if (once && std::ranges::find(at_.given, &flag) != at_.given.end()) continue;
            add(std::string(flag.full), std::string(flag.text));
        }
    }

    void add(std::string word, std::string text) {
        if (word.starts_with(at_.word)) out_.candidates.push_back({at_.prefix + word, std::move(text)});
    }

    const Command& command_;
    std::span<const std::string> words_;
    const AskNames& ask_;
    Position at_;
    Completion out_;
};

Completion command_names(std::string_view word) {
    Completion out;
    for (const auto& command : commands())
        if (!command.hidden && command.name.starts_with(word))
            out.candidates.push_back({std::string(command.name), std::string(command.summary)});
    return out;
}

constexpr std::string_view bash = R"(# bash completion for pilotlight; made by `pilotlight completion bash`
_pilotlight() {
    local line besides program=${COMP_WORDS[0]/#\~/$HOME} word=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :*) besides=${line#:} ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("$program" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    [[ $word == = ]] && word=
    case $besides in
        file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        folder) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
    esac
}
complete -F _pilotlight pilotlight
)";

constexpr std::string_view zsh = R"(#compdef pilotlight
# zsh completion for pilotlight; made by `pilotlight completion zsh`
_pilotlight() {
    local line word besides
    local -a found
    for line in "${(@f)$("${words[1]/#\~/$HOME}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        case $line in
            :*) besides=${line#:} ;;
            *) word=${line%%$'\t'*}; found+=("${word//:/\\:}:${line#*$'\t'}") ;;
        esac
    done
    case $besides in
        file) _files ;;
        folder) _files -/ ;;
        *) _describe -V pilotlight found ;;
    esac
}
if [ "$funcstack[1]" = _pilotlight ]; then
    _pilotlight "$@"
else
    compdef _pilotlight pilotlight
fi
)";

constexpr std::string_view fish = R"(# fish completion for pilotlight; made by `pilotlight completion fish`
function __pilotlight_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    for line in ($before[1] __complete -- $before[2..-1] "$word" 2>/dev/null)
        switch $line
            case ':file'
                __fish_complete_path "$word"
            case ':folder'
                __fish_complete_directories "$word"
            case ':*'
            case '*'
                echo $line
        end
    end
end
complete -c pilotlight -f -a '(__pilotlight_complete)'
)";

}  // namespace

Completion complete(std::span<const std::string> words, const AskNames& ask) {
    if (words.empty()) return {};
    if (words.size() == 1) return command_names(words.front());
    if (words.front() == "help") return words.size() == 2 ? command_names(words.back()) : Completion{};
    const auto* command = find_command(words.front());
    if (command == nullptr || command->hidden) return {};
    return Collector(*command, words.subspan(1), ask).run();
}

std::string to_lines(const Completion& completion) {
    std::string out;
    for (const auto& one : completion.candidates) out += one.word + "\t" + one.text + "\n";
    out += completion.besides == Means::file     ? ":file\n"
           : completion.besides == Means::folder ? ":folder\n"
                                                 : ":none\n";
    return out;
}

std::string_view completion_script(std::string_view shell) {
    return shell == "bash" ? bash : shell == "zsh" ? zsh : fish;
}

}  // namespace cli
