# What pROC, rms and base R say of accounts.csv; run in this folder: Rscript figures.R
suppressMessages({library(pROC); library(rms)})
d <- read.csv("accounts.csv")
odds <- qlogis(d$a)
found <- list()
say <- function(name, value) found[[name]] <<- as.numeric(value)

one <- roc(d$y, d$a, quiet = TRUE, direction = "<")
two <- roc(d$y, d$b, quiet = TRUE, direction = "<")
ci <- ci.auc(one, method = "delong")
say("auc_low", ci[1]); say("auc", ci[2]); say("auc_high", ci[3])
test <- roc.test(one, two, method = "delong", paired = TRUE)
say("paired_z", test$statistic); say("paired_p", test$p.value)
say("paired_low", test$conf.int[1]); say("paired_high", test$conf.int[2])

v <- val.prob(d$a, d$y, pl = FALSE)
say("brier", v["Brier"]); say("slope", v["Slope"]); say("joint_intercept", v["Intercept"])
say("spiegelhalter", v["S:z"]); say("spiegelhalter_p", v["S:p"])

shift <- glm(d$y ~ 1, offset = odds, family = binomial, control = list(epsilon = 1e-14))
say("intercept", coef(shift)); say("intercept_se", sqrt(vcov(shift)[1, 1]))
line <- glm(d$y ~ odds, family = binomial, control = list(epsilon = 1e-14))
say("slope_se", sqrt(vcov(line)[2, 2]))

# Hosmer-Lemeshow over ten bins that never part equal probabilities
cut_at <- sort(d$a)[ceiling((1:10) * nrow(d) / 10)]
bin <- findInterval(d$a, unique(cut_at), left.open = TRUE)
o <- tapply(d$y, bin, sum); e <- tapply(d$a, bin, sum); n <- tapply(d$y, bin, length)
chi <- sum((o - e)^2 / (e * (1 - e / n)))
say("hosmer_lemeshow", chi); say("hosmer_lemeshow_p", pchisq(chi, length(o), lower.tail = FALSE))

# Jeffreys test of each bin, one-sided against too low a probability, with Holm
p <- pbeta(e / n, o + 0.5, n - o + 0.5)
for (i in seq_along(p)) { say(paste0("jeffreys_p_", i), p[i]); say(paste0("jeffreys_holm_", i), p.adjust(p, "holm")[i]) }
write.csv(data.frame(name = names(found), value = format(unlist(found), digits = 17, trim = TRUE)),
          "figures_r.csv", row.names = FALSE, quote = FALSE)
