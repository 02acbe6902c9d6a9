// Looks into a JSON body while it passes, for the few strings that say whose it is. Octets in, in pieces of
// any size; of megabytes of images nothing is kept. What is no JSON ends the search; what was found before
// stays. Pure.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace proxy {

class JsonPeek {
public:
    // Members of the top-level object that are looked for; `data0` is data[0], if that is a string.
    static constexpr std::array<std::string_view, 9> names{"session_hash",  "event_id", "client_id",
                                                           "prompt_id",     "id_task",  "id",
                                                           "force_task_id", "msg",      "data0"};
    static constexpr std::size_t kept = 129;  // octets of a value: one more than an id may have
    static constexpr std::size_t depth = 100;

    JsonPeek();
    ~JsonPeek();
    JsonPeek(JsonPeek&&) noexcept;
    JsonPeek& operator=(JsonPeek&&) noexcept;

    // False: there is nothing more to learn, the document has ended or is none.
    bool feed(std::string_view octets);
    bool ended() const;  // a whole document was seen

    // A member's value, at most `kept` octets of it; of two equal names the last one counts, as in Python and
    // in JavaScript. Empty: there was none, or it is no string.
    std::optional<std::string_view> find(std::string_view name) const;

    bool data_is_empty() const;  // there was a member `data`, and it is []

    template <class Use>
    void for_each(Use use) const {
        for (const auto name : names)
            if (const auto value = find(name)) use(name, *value);
    }

private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

}  // namespace proxy
