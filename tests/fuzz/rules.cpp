// Class rules: the first line is what is asked, the others are rules. A rule that is taken is, as it is
// shown, taken again and decides the same.
#include "router/rules.hpp"
#include "fuzz.hpp"
#include "router/ids.hpp"

using namespace router;

namespace {

std::string_view next(std::string_view& text, char end) {
    const auto at = text.find(end);
    const auto part = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
    return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto octets = octets_of(data, size);
    const auto variant = choice(octets);
    auto line = next(octets, '\n');
    Asked asked;
    asked.method = next(line, ' ');
    asked.path = next(line, '?');
    asked.query = next(line, ' ');
    asked.accept = line;
    asked.websocket = variant & 1;
    asked.bearer = variant & 2;
    std::vector<UserRule> user;
    while (!octets.empty() && user.size() < 50) user.push_back({std::string(next(octets, '\n')), "fuzz"});
    const auto profile = static_cast<Profile>(variant / 4 % 5);
    const auto made = Rules::make(profile, user);
    EXPECT((made.rules == nullptr) == !made.errors.empty());
    (void)ids_in_target(asked.path, asked.query);
    if (!made.rules) return 0;
    const auto what = made.rules->classify(asked);
    EXPECT(what.number < made.rules->all().size() || made.rules->all().empty());
    std::vector<UserRule> shown;
    for (const auto& rule : made.rules->all())
        if (rule.origin == "fuzz") shown.push_back({rule.text, "fuzz"});
    for (const auto& rule : shown) EXPECT(what_is_wrong(rule.text).empty());
    const auto again = Rules::make(profile, shown);
    EXPECT(again.rules != nullptr);
    const auto same = again.rules->classify(asked);
    EXPECT(same.what == what.what && same.until == what.until && same.towards == what.towards &&
           same.task_only == what.task_only && same.rule == what.rule);
    return 0;
}
