#include "cli/rule_tables.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace cli {
namespace {

std::string padded(std::string_view text, std::size_t width) {
    return std::string(text) + std::string(text.size() < width ? width - text.size() : 0, ' ');
}

struct Parts {
    std::string_view methods, pattern, rest;
};

Parts words_of(std::string_view text) {
    const auto first = text.find(' '), second = text.find(' ', first + 1);
    return {text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

// Rules in columns, still as users write them.
class Table {
public:
    void comment(std::string text) { rows_.push_back({std::move(text), true}); }
    void rule(std::string text) {
        const auto words = words_of(text);
        methods_ = std::max(methods_, words.methods.size());
        if (words.pattern.size() <= widest) pattern_ = std::max(pattern_, words.pattern.size());
        rows_.push_back({std::move(text), false});
    }
    void print(std::ostream& out) const {
        for (const auto& [text, is_comment] : rows_) {
            const auto words = words_of(text);
            if (is_comment)
                out << text << "\n";
            else
                out << padded(words.methods, methods_) << "  " << padded(words.pattern, pattern_) << "  "
                    << words.rest << "\n";
        }
    }

private:
    static constexpr std::size_t widest = 48;  // a longer one does not move all the others
    struct Row {
        std::string text;
        bool is_comment;
    };
    std::vector<Row> rows_;
    std::size_t methods_ = 0, pattern_ = 0;
};

}  // namespace

void print_rules(const manifest::Service* service, router::Profile profile, std::ostream& out) {
    Table table;
    if (service && !service->rules.empty()) {
        table.comment("# Rules of " + service->name_space + "/" + service->name);
        const auto rules = router::Rules::make(profile, service->rules).rules;
        for (std::size_t i = 0; i < service->rules.size(); ++i)
            table.rule(rules->all()[i].text + "  # " + rules->all()[i].origin);
    }
    for (const auto text : lines_of(profile))
        text.starts_with('#') ? table.comment(std::string(text)) : table.rule(std::string(text));
    table.print(out);
}

void print_words(std::ostream& out) {
    out << "| class | meaning |\n| --- | --- |\n";
    for (int i = 0; i <= static_cast<int>(router::Class::denied); ++i) {
        const auto what = static_cast<router::Class>(i);
        out << "| " << letter(what) << " | " << meaning_of(what) << " |\n";
    }
    out << "\n| of a J: until | its slot is free again when |\n| --- | --- |\n";
    for (int i = 1; i <= static_cast<int>(router::Until::invoke_batch); ++i) {
        const auto until = static_cast<router::Until>(i);
        out << "| `" << word_of(until) << "` | " << meaning_of(until) << " |\n";
    }
    out << "\n| of an L or S: towards | it goes to |\n| --- | --- |\n";
    for (int i = 0; i <= static_cast<int>(router::Towards::seek); ++i) {
        const auto towards = static_cast<router::Towards>(i);
        out << "| `" << word_of(towards) << "` | " << meaning_of(towards) << " |\n";
    }
}

}  // namespace cli
