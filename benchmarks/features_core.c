/* The core hundred by the same loops as delinquency/features/_kernels.py, for one snapshot: the yardstick
   of benchmarks/features_speed.py. gcc -O3 -march=native -shared -fPIC */
#include <math.h>
#include <stdint.h>

void core_features(int64_t n_cuts, const int64_t *begins, const int64_t *ends, const int64_t *nows,
                   const int64_t *month, const double *dpd, const double *due, const double *paid,
                   const double *balance, const double *limit, const int64_t *windows,
                   int64_t n_windows, double *out_all) {
    for (int64_t r = 0; r < n_cuts; r++) {
        const int64_t begin = begins[r], last = ends[r] - 1, now = nows[r];
        double *out = out_all + r * (23 * n_windows + 8);
        const double use_last = limit[last] > 0 ? balance[last] / limit[last] : NAN;
        int64_t n = 0, dpd1 = 0, dpd30 = 0, since30 = 0, missed = 0, forward = 0, back = 0;
        int64_t current = 0, run = 0, worst = 0, n_use = 0, use_x = 0, use_xx = 0, n_ratio = 0;
        int64_t n_balance = 0, oldest = -1;
        double dpd_max = 0, dpd_sum = 0, later_bucket = 0, use0 = 0, use_d = 0, use_xd = 0;
        double use_max = -INFINITY, use_min = INFINITY, ratio0 = 0, ratio_d = 0, ratio_dd = 0;
        double due_sum = 0, paid_sum = 0, ratio_min = INFINITY, balance0 = 0, balance_d = 0;
        int64_t i = last;
        for (int64_t w = 0; w < n_windows; w++) {
            for (; i >= begin && now - month[i] < windows[w]; i--) {
                const int64_t age = now - month[i];
                n++;
                if (age < 24) oldest = age;
                const double days = dpd[i];
                if (days > dpd_max) dpd_max = days;
                dpd_sum += days;
                if (days >= 30) { if (dpd30 == 0) since30 = age; dpd30++; }
                if (days >= 1) {
                    dpd1++; run++;
                    if (run > worst) worst = run;
                    if (run == n) current = n;
                } else run = 0;
                double bucket = 0;
                if (days > 0) { bucket = 1 + floor(days / 30); if (bucket > 7) bucket = 7; }
                if (n > 1) { forward += later_bucket > bucket; back += later_bucket < bucket; }
                later_bucket = bucket;
                const double use = limit[i] > 0 ? balance[i] / limit[i] : NAN;
                if (use == use) {
                    if (n_use == 0) use0 = use;
                    n_use++; use_x += age; use_xx += age * age;
                    use_d += use - use0; use_xd += age * (use - use0);
                    if (use > use_max) use_max = use;
                    if (use < use_min) use_min = use;
                }
                if (due[i] == due[i] && paid[i] == paid[i]) {
                    due_sum += due[i]; paid_sum += paid[i];
                    if (due[i] > 0) {
                        const double ratio = paid[i] / due[i];
                        if (n_ratio == 0) ratio0 = ratio;
                        n_ratio++; ratio_d += ratio - ratio0;
                        ratio_dd += (ratio - ratio0) * (ratio - ratio0);
                        if (ratio < ratio_min) ratio_min = ratio;
                        missed += paid[i] <= 0;
                    }
                }
                if (balance[i] == balance[i]) {
                    if (n_balance == 0) balance0 = balance[i];
                    n_balance++; balance_d += balance[i] - balance0;
                }
            }
            double *o = out + 23 * w;
            o[0] = n;
            o[1] = n > 0 ? dpd_max : NAN;
            o[2] = n > 0 ? dpd_sum / n : NAN;
            o[3] = dpd1; o[4] = dpd30; o[5] = dpd30 > 0 ? since30 : NAN;
            o[6] = current; o[7] = worst;
            o[8] = n_use > 0 ? use0 + use_d / n_use : NAN;
            o[9] = n_use > 0 ? use_max : NAN;
            o[10] = n_use > 0 ? use_min : NAN;
            o[11] = n_use > 1 ? (use_x * use_d - n_use * use_xd) / (n_use * use_xx - use_x * use_x) : NAN;
            o[12] = due_sum > 0 ? paid_sum / due_sum : NAN;
            o[13] = n_ratio > 0 ? ratio_min : NAN;
            o[14] = n_ratio > 0 ? ratio0 + ratio_d / n_ratio : NAN;
            const double spread = ratio_dd - ratio_d * ratio_d / n_ratio;
            o[15] = n_ratio > 1 ? sqrt((spread > 0 ? spread : 0) / (n_ratio - 1)) : NAN;
            o[16] = missed;
            o[17] = n_use > 0 && use_last == use_last ? 0.0 - use_d / n_use : NAN;
            o[18] = n > 0 ? dpd[last] - dpd_sum / n : NAN;
            o[19] = n_balance > 0 ? balance0 + balance_d / n_balance : NAN;
            o[20] = n_balance > 0 && balance[last] == balance[last] ? 0.0 - balance_d / n_balance : NAN;
            o[21] = forward; o[22] = back;
        }
        for (; i >= begin; i--) if (now - month[i] < 24) oldest = now - month[i];
        double *o = out + 23 * n_windows;
        o[0] = dpd[last]; o[1] = use_last; o[2] = balance[last]; o[3] = due[last]; o[4] = paid[last];
        o[5] = limit[last]; o[6] = now - month[last]; o[7] = oldest >= 0 ? oldest + 1 : NAN;
    }
}
