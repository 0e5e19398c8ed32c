// <rr-heading>: the name of a run, its status and where it comes from.

define(
  "rr-heading",
  class extends Widget {
    render(run) {
      return h(
        "header.heading",
        {},
        h("div.title", {}, h("h1", { title: run.name }, run.name), pill(run.status)),
        h(
          "p.sub",
          {},
          external(run.repo_link, run.repo, run.repo_url),
          h(
            "span.joined",
            {},
            "@ ",
            external(run.commit_link, h("code", {}, run.commit_sha.slice(0, 7)), `Commit ${run.commit_sha}`),
            copyable(run.commit_sha, "", "commit"),
          ),
          external(run.script_link, run.script_path, "The script at this commit"),
          h(
            "span.muted",
            {},
            run.started_at ? "started " : "submitted ",
            ago(run.started_at ?? run.created_at),
            run.by ? ` by ${run.by}` : "",
          ),
          h("span.muted.joined", {}, "run ", copyable(run.run_id, run.run_id, "run id")),
        ),
      );
    }
  },
);
