// All objects: those of the files, those that came over the API, and numbers of pods that were set by hand.
// Whatever changes is checked together with everything else before it is kept and in force.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "admin/keeper.hpp"
#include "cli/applied.hpp"
#include "manifest/load.hpp"
#include "proxy/control/snapshot.hpp"

namespace cli {

class Objects : public admin::Keeper {
public:
    struct Hooks {
        std::function<void(manifest::Configuration)> use;  // puts it in force
        std::function<bool()> closed;                      // we are shutting down
        std::function<void(bool warning, const std::string& name_space, const std::string& kind,
                           const std::string& name, const std::string& reason, const std::string& message)>
            tell;
    };

    Objects(std::filesystem::path folder, Hooks hooks);  // with what was kept there

    // The files' configuration, which is right by itself, and all that was applied beside it. An applied object
    // that does not fit is left out, and that is said.
    manifest::Configuration combine(std::vector<manifest::Source> files, const manifest::Loaded& loaded);

    admin::Kept carry_out(const admin::Wish&) override;

    const std::shared_ptr<const std::vector<proxy::ObjectView>>& views() const { return views_; }

    static constexpr std::size_t most = 1000;  // that may be applied

private:
    struct Key {
        std::string kind, name_space, name;
        auto operator<=>(const Key&) const = default;
    };
    // All that was not said by a file.
    struct Changes {
        std::map<Key, boost::json::object> applied;
        std::map<Key, std::string> replicas;  // set by hand, of the files' services
    };
    struct FromFile {
        Key key;
        std::string source;  // "file conf/x.yaml:3"
        std::int64_t generation = 1;
        proxy::WallTime created;
        boost::json::object object;
    };

    manifest::Loaded check(const Changes&) const;
    bool in_a_file(const Key&) const;
    void take_files(const manifest::Loaded&);
    bool leave_out_the_wrong(const manifest::Loaded&);
    void say_what_is_hidden() const;
    admin::Kept check_and_keep(const admin::Wish&, const Key&, Changes next);
    void make_views();
    static std::string source_name(const Key&);
    static std::string file_name(const Key&);

    AppliedFiles disk_;
    Hooks hooks_;
    std::vector<manifest::Source> files_;
    std::map<Key, FromFile> from_files_;
    Changes changes_;
    std::set<Key> left_out_;  // applied, and wrong beside what the files say now
    std::shared_ptr<const std::vector<proxy::ObjectView>> views_ =
        std::make_shared<const std::vector<proxy::ObjectView>>();
};

}  // namespace cli
