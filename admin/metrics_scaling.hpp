// The part of the metrics that is about pods and how many there are: gauges of a snapshot's revisions. Pure.
#pragma once

#include <string>
#include <vector>

#include "admin/exposition.hpp"
#include "proxy/control/snapshot.hpp"

namespace admin {

// One revision as a scrape sees it, its two ways to say who it is written once.
struct ScrapedRevision {
    const proxy::RevisionView* view;
    std::string old_labels;  // Knative up to 1.18: namespace_name="default",...
    std::string new_labels;  // since then, OpenTelemetry's: k8s_namespace_name="default",...
    int pending = 0, terminating = 0, unready = 0;
};

void scaling(Text&, const proxy::Snapshot&, const std::vector<ScrapedRevision>&);

}  // namespace admin
