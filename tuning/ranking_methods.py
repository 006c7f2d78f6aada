"""The methods that rank networks before any is trained, by name; nothing heavy is imported here."""

# To add a method, write a function from RankingProblem to Ranking, and add a line here.
METHODS = {
    "oneshot": "tuning.supernet.oneshot:rank",
    "darts": "tuning.supernet.darts:rank",
    "enas": "tuning.supernet.enas:rank",
    "proxies": "tuning.proxy_ranking:rank",
}
