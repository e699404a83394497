/* Made by make_ops.py with PyTorch 1.13.0a0: do not edit. */
/* clang-format off */
static const double d0[] = {
    -1.625, -1.0625, -1.625, 0.25, -1, 0.25};
static const double d1[] = {
    2.75, 7, -0.5, 1, 3.25, -6.75};
static const double d2[] = {
    0.0625};
static const double d3[] = {
    0.25};
static const double d4[] = {
    1};
static const double d5[] = {
    -1.66796875, -1.171875, -1.6171875, 0.234375, -1.05078125, 0.35546875};
static const double d6[] = {
    0};
static const double d7[] = {
    -1.66796875, -1.171875, -1.6171875, 0.234375, -1.05078125, 0.35546875};
static const double d8[] = {
    -1.5, -3.25, 1.75, 6.25, 2.75, -1};
static const double d9[] = {
    0.0625};
static const double d10[] = {
    0.25};
static const double d11[] = {
    1};
static const double d12[] = {
    -1.64453125, -1.12109375, -1.64453125, 0.13671875, -1.09375, 0.37109375};
static const double d13[] = {
    0};
static const double d14[] = {
    -1.64453125, -1.12109375, -1.64453125, 0.13671875, -1.09375, 0.37109375};
static const double d15[] = {
    6.5, -4.5, 1.5, -1.25, -4.5, -1};
static const double d16[] = {
    0.0625};
static const double d17[] = {
    0.25};
static const double d18[] = {
    1};
static const double d19[] = {
    -1.74609375, -1.05078125, -1.66796875, 0.15625, -1.0234375, 0.38671875};
static const double d20[] = {
    0};
static const double d21[] = {
    -1.74609375, -1.05078125, -1.66796875, 0.15625, -1.0234375, 0.38671875};
static const double d22[] = {
    0.5, -0.25, -2.75, -3.75, 5.25, 3.75};
static const double d23[] = {
    0.0625};
static const double d24[] = {
    0.25};
static const double d25[] = {
    1};
static const double d26[] = {
    -1.75390625, -1.046875, -1.625, 0.21484375, -1.10546875, 0.328125};
static const double d27[] = {
    0};
static const double d28[] = {
    -0.1875, -1.125, 0.0625, -0.4375, 0.3125, 1.3125};
static const double d29[] = {
    3.5, 3.25, 0.25, 3.25, -1.25, -0.75};
static const double d30[] = {
    0.0625};
static const double d31[] = {
    0.25};
static const double d32[] = {
    1};
static const double d33[] = {
    -0.2392578125, -1.158203125, 0.0576171875, -0.4814453125, 0.3271484375, 1.3037109375};
static const double d34[] = {
    0};
static const double d35[] = {
    -0.2392578125, -1.158203125, 0.0576171875, -0.4814453125, 0.3271484375, 1.3037109375};
static const double d36[] = {
    -2, -2.5, -1.25, 1, 3, -8.5};
static const double d37[] = {
    0.0625};
static const double d38[] = {
    0.25};
static const double d39[] = {
    1};
static const double d40[] = {
    -0.2042694091796875, -1.101043701171875, 0.0762481689453125, -0.4895477294921875,
    0.2751617431640625, 1.4161529541015625};
static const double d41[] = {
    0};
static const double d42[] = {
    -0.2042694091796875, -1.101043701171875, 0.0762481689453125, -0.4895477294921875,
    0.2751617431640625, 1.4161529541015625};
static const double d43[] = {
    0.25, -8.25, 2.75, 4, -2.5, 10.75};
static const double d44[] = {
    0.0625};
static const double d45[] = {
    0.25};
static const double d46[] = {
    1};
static const double d47[] = {
    -0.20498394966125488, -0.95493364334106445, 0.032088041305541992, -0.54439854621887207,
    0.30992484092712402, 1.2260568141937256};
static const double d48[] = {
    0};
static const double d49[] = {
    -0.20498394966125488, -0.95493364334106445, 0.032088041305541992, -0.54439854621887207,
    0.30992484092712402, 1.2260568141937256};
static const double d50[] = {
    4.75, -0.5, -3.25, -9.5, -0.25, 5.25};
static const double d51[] = {
    0.0625};
static const double d52[] = {
    0.25};
static const double d53[] = {
    1};
static const double d54[] = {
    -0.27599982544779778, -0.93220030516386032, 0.082367915660142899, -0.38745481893420219,
    0.30898851528763771, 1.1248684264719486};
static const double d55[] = {
    0};
static const double d56[] = {
    -1, 0.75, 1.3125, 1, -1.25, -0.8125};
static const double d57[] = {
    1.5, 4.5, 1.5, -4.5, -2, 1.25};
static const double d58[] = {
    0, 0, 0, 0, 0, 0};
static const double d59[] = {
    0.0625};
static const double d60[] = {
    0.25};
static const double d61[] = {
    1};
static const double d62[] = {
    -1.0234375, 0.6796875, 1.2890625, 1.0703125, -1.21875, -0.83203125};
static const double d63[] = {
    0.375, 1.125, 0.375, -1.125, -0.5, 0.3125};
static const double d64[] = {
    -1.0234375, 0.6796875, 1.2890625, 1.0703125, -1.21875, -0.83203125};
static const double d65[] = {
    2.25, -4, -2.5, 2.75, -7.5, -1};
static const double d66[] = {
    0.375, 1.125, 0.375, -1.125, -0.5, 0.3125};
static const double d67[] = {
    0.0625};
static const double d68[] = {
    0.25};
static const double d69[] = {
    1};
static const double d70[] = {
    -1.076171875, 0.689453125, 1.310546875, 1.080078125, -1.078125, -0.8310546875};
static const double d71[] = {
    0.84375, -0.15625, -0.34375, -0.15625, -2.25, -0.015625};
static const double d72[] = {
    -1.076171875, 0.689453125, 1.310546875, 1.080078125, -1.078125, -0.8310546875};
static const double d73[] = {
    -0.75, 5.25, -2.25, 2.75, -5, 5};
static const double d74[] = {
    0.84375, -0.15625, -0.34375, -0.15625, -2.25, -0.015625};
static const double d75[] = {
    0.0625};
static const double d76[] = {
    0.25};
static const double d77[] = {
    1};
static const double d78[] = {
    -1.10400390625, 0.61474609375, 1.36181640625, 1.04443359375, -0.89453125, -0.908447265625};
static const double d79[] = {
    0.4453125, 1.1953125, -0.8203125, 0.5703125, -2.9375, 1.23828125};
static const double d80[] = {
    -1.10400390625, 0.61474609375, 1.36181640625, 1.04443359375, -0.89453125, -0.908447265625};
static const double d81[] = {
    -6.5, -4, 2.5, -1.25, 4.25, -6};
static const double d82[] = {
    0.4453125, 1.1953125, -0.8203125, 0.5703125, -2.9375, 1.23828125};
static const double d83[] = {
    0.0625};
static const double d84[] = {
    0.25};
static const double d85[] = {
    1};
static const double d86[] = {
    -1.0233154296875, 0.6212158203125, 1.3612060546875, 1.0372314453125, -0.8232421875,
    -0.87274169921875};
static const double d87[] = {
    -1.291015625, -0.103515625, 0.009765625, 0.115234375, -1.140625, -0.5712890625};
static const double d88[] = {
    0.0625, 0.125, 0.8125, 1.9375, -0.6875, -0.125};
static const double d89[] = {
    -3, 1, 7.25, -6.25, -3, -1.25};
static const double d90[] = {
    0, 0, 0, 0, 0, 0};
static const double d91[] = {
    0.0625};
static const double d92[] = {
    0.25};
static const double d93[] = {
    1};
static const double d94[] = {
    0.10888671875, 0.1083984375, 0.69287109375, 2.02001953125, -0.63525390625, -0.1044921875};
static const double d95[] = {
    -0.7421875, 0.265625, 1.9140625, -1.3203125, -0.8359375, -0.328125};
static const double d96[] = {
    0.10888671875, 0.1083984375, 0.69287109375, 2.02001953125, -0.63525390625, -0.1044921875};
static const double d97[] = {
    -2.25, -1, -0.25, -0.5, 3, -1.75};
static const double d98[] = {
    -0.7421875, 0.265625, 1.9140625, -1.3203125, -0.8359375, -0.328125};
static const double d99[] = {
    0.0625};
static const double d100[] = {
    0.25};
static const double d101[] = {
    1};
static const double d102[] = {
    0.17798233032226562, 0.11072540283203125, 0.60164260864257812, 2.0739402770996094,
    -0.63798141479492188, -0.06095123291015625};
static const double d103[] = {
    -1.10552978515625, -0.0372314453125, 1.45965576171875, -0.86273193359375, 0.04364013671875,
    -0.6966552734375};
static const double d104[] = {
    0.17798233032226562, 0.11072540283203125, 0.60164260864257812, 2.0739402770996094,
    -0.63798141479492188, -0.06095123291015625};
static const double d105[] = {
    1.75, -2, -3.25, 5.75, -6.75, 4};
static const double d106[] = {
    -1.10552978515625, -0.0372314453125, 1.45965576171875, -0.86273193359375, 0.04364013671875,
    -0.6966552734375};
static const double d107[] = {
    0.0625};
static const double d108[] = {
    0.25};
static const double d109[] = {
    1};
static const double d110[] = {
    0.20106980204582214, 0.14285558462142944, 0.57930216193199158, 2.0083344280719757,
    -0.52957406640052795, -0.090319335460662842};
static const double d111[] = {
    -0.3693995475769043, -0.51408290863037109, 0.35744714736938477, 1.0496935844421387,
    -1.7345175743103027, 0.46988964080810547};
static const double d112[] = {
    0.20106980204582214, 0.14285558462142944, 0.57930216193199158, 2.0083344280719757,
    -0.52957406640052795, -0.090319335460662842};
static const double d113[] = {
    1.5, 8, -4, -5, 5.25, -2.25};
static const double d114[] = {
    -0.3693995475769043, -0.51408290863037109, 0.35744714736938477, 1.0496935844421387,
    -1.7345175743103027, 0.46988964080810547};
static const double d115[] = {
    0.0625};
static const double d116[] = {
    0.25};
static const double d117[] = {
    1};
static const double d118[] = {
    0.19337704801000655, 0.040837161708623171, 0.62052102875895798, 2.0215649285819381,
    -0.52616250771097839, -0.076483542565256357};
static const double d119[] = {
    0.12308406457304955, 1.6322947666049004, -0.65950186923146248, -0.21168800815939903,
    -0.054584939032793045, -0.22137268632650375};
static const double d120[] = {
    -0.8125, 1.25, -0.25, -0.1875, -0.875, -0.0625};
static const double d121[] = {
    2.25, 3.75, 4.75, 1.75, 3.25, -2.5};
static const double d122[] = {
    0, 0, 0, 0, 0, 0};
static const double d123[] = {
    0.0625};
static const double d124[] = {
    0.25};
static const double d125[] = {
    1};
static const double d126[] = {
    -0.8740234375, 1.1474609375, -0.3798828125, -0.2353515625, -0.9638671875, 0.005859375};
static const double d127[] = {
    0.5625, 0.9375, 1.1875, 0.4375, 0.8125, -0.625};
static const double d128[] = {
    -0.8740234375, 1.1474609375, -0.3798828125, -0.2353515625, -0.9638671875, 0.005859375};
static const double d129[] = {
    -1, -3.25, -0.25, 1.75, -4.25, -8.75};
static const double d130[] = {
    0.5625, 0.9375, 1.1875, 0.4375, 0.8125, -0.625};
static const double d131[] = {
    0.0625};
static const double d132[] = {
    0.25};
static const double d133[] = {
    1};
static const double d134[] = {
    -0.866455078125, 1.203369140625, -0.414794921875, -0.298583984375, -0.876220703125,
    0.26708984375};
static const double d135[] = {
    0.171875, -0.109375, 0.828125, 0.765625, -0.453125, -2.65625};
static const double d136[] = {
    -0.866455078125, 1.203369140625, -0.414794921875, -0.298583984375, -0.876220703125,
    0.26708984375};
static const double d137[] = {
    -1.75, -0.5, 5.25, -1.75, 2, -0.75};
static const double d138[] = {
    0.171875, -0.109375, 0.828125, 0.765625, -0.453125, -2.65625};
static const double d139[] = {
    0.0625};
static const double d140[] = {
    0.25};
static const double d141[] = {
    1};
static const double d142[] = {
    -0.82464599609375, 1.22088623046875, -0.58746337890625, -0.27764892578125, -0.91497802734375,
    0.3809814453125};
static const double d143[] = {
    -0.30859375, -0.20703125, 1.93359375, 0.13671875, 0.16015625, -2.1796875};
static const double d144[] = {
    -0.82464599609375, 1.22088623046875, -0.58746337890625, -0.27764892578125, -0.91497802734375,
    0.3809814453125};
static const double d145[] = {
    3, -4.25, -1, -0.75, 0.75, -2};
static const double d146[] = {
    -0.30859375, -0.20703125, 1.93359375, 0.13671875, 0.16015625, -2.1796875};
static const double d147[] = {
    0.0625};
static const double d148[] = {
    0.25};
static const double d149[] = {
    1};
static const double d150[] = {
    -0.8958282470703125, 1.3443756103515625, -0.6280975341796875, -0.2619476318359375,
    -0.9411163330078125, 0.512298583984375};
static const double d151[] = {
    0.5185546875, -1.2177734375, 1.2001953125, -0.0849609375, 0.3076171875, -2.134765625};
static const double d152[] = {
    0.125, 0.25, 1, 1.1875, -0.125, 1.125};
static const double d153[] = {
    2.5, -6, 6.25, -3.25, -7.5, -1};
static const double d154[] = {
    0, 0, 0, 0, 0, 0};
static const double d155[] = {
    0.0625};
static const double d156[] = {
    0.25};
static const double d157[] = {
    1};
static const double d158[] = {
    0.0499267578125, 0.422119140625, 0.80224609375, 1.26531982421875, 0.0965576171875,
    1.1378173828125};
static const double d159[] = {
    0.640625, -1.46875, 1.6875, -0.6640625, -1.890625, -0.109375};
static const double d160[] = {
    0.0499267578125, 0.422119140625, 0.80224609375, 1.26531982421875, 0.0965576171875,
    1.1378173828125};
static const double d161[] = {
    -6.75, 2.75, -3.5, 5.25, 0.25, 8.25};
static const double d162[] = {
    0.640625, -1.46875, 1.6875, -0.6640625, -1.890625, -0.109375};
static const double d163[] = {
    0.0625};
static const double d164[] = {
    0.25};
static const double d165[] = {
    1};
static const double d166[] = {
    0.21629440784454346, 0.40565133094787598, 0.81228399276733398, 1.1247527003288269,
    0.17828834056854248, 0.88468468189239502};
static const double d167[] = {
    -1.1207122802734375, -0.544891357421875, 0.70184326171875, 0.88961029052734375,
    -1.5797271728515625, 2.1090240478515625};
static const double d168[] = {
    0.21629440784454346, 0.40565133094787598, 0.81228399276733398, 1.1247527003288269,
    0.17828834056854248, 0.88468468189239502};
static const double d169[] = {
    3.25, 4.75, 3.25, 2.75, -0, 2.75};
static const double d170[] = {
    -1.1207122802734375, -0.544891357421875, 0.70184326171875, 0.88961029052734375,
    -1.5797271728515625, 2.1090240478515625};
static const double d171[] = {
    0.0625};
static const double d172[] = {
    0.25};
static const double d173[] = {
    1};
static const double d174[] = {
    0.17153902270365506, 0.28662291937507689, 0.67158616101369262, 0.98514118202729151,
    0.25126910849940032, 0.69023893133271486};
static const double d175[] = {
    -0.14108644425868988, 0.76142647862434387, 1.528148353099823, 1.6065030917525291,
    -1.3599752336740494, 2.6434816271066666};
static const double d176[] = {
    0.17153902270365506, 0.28662291937507689, 0.67158616101369262, 0.98514118202729151,
    0.25126910849940032, 0.69023893133271486};
static const double d177[] = {
    -1, 4.25, -3.75, 3.5, -3.25, 1.5};
static const double d178[] = {
    -0.14108644425868988, 0.76142647862434387, 1.528148353099823, 1.6065030917525291,
    -1.3599752336740494, 2.6434816271066666};
static const double d179[] = {
    0.0625};
static const double d180[] = {
    0.25};
static const double d181[] = {
    1};
static const double d182[] = {
    0.20507432585611696, 0.12147717597349583, 0.69848746793059036, 0.79129765739224922,
    0.40788019231047201, 0.50968797068992444};
static const double d183[] = {
    -0.35200826088839676, 1.7645760337181855, 0.4835780790890567, 2.4038328530368744,
    -1.9710696909023682, 2.7743262901349226};
static const double d184[] = {
    0.5, -0.5, -1.0625, -1.3125, -0.5};
static const double d185[] = {
    12, 2, -3.75, -5.25, -0.5};
static const double d186[] = {
    0, 0, 0, 0, 0};
static const double d187[] = {
    0, 0, 0, 0, 0};
static const double d188[] = {
    0.125, 0.03125};
static const double d189[] = {
    0.0625};
static const double d190[] = {
    0.25};
static const double d191[] = {
    1};
static const double d192[] = {
    0.43750000208333323, -0.56249998750000252, -1.0000000066666659, -1.2500000047619044,
    -0.43750004999996001};
static const double d193[] = {
    0.375, 0.0625, -0.1171875, -0.1640625, -0.015625};
static const double d194[] = {
    0.28125, 0.0078125, 0.0274658203125, 0.0538330078125, 0.00048828125};
static const double d195[] = {
    0.43750000208333323, -0.56249998750000252, -1.0000000066666659, -1.2500000047619044,
    -0.43750004999996001};
static const double d196[] = {
    -2, -8, 8.75, -6, 1.5};
static const double d197[] = {
    0.375, 0.0625, -0.1171875, -0.1640625, -0.015625};
static const double d198[] = {
    0.28125, 0.0078125, 0.0274658203125, 0.0538330078125, 0.00048828125};
static const double d199[] = {
    0.234375, 0.0615234375};
static const double d200[] = {
    0.0625};
static const double d201[] = {
    0.25};
static const double d202[] = {
    1};
static const double d203[] = {
    0.40431307923688242, -0.52701872232551261, -1.0269335569291269, -1.187427161267494,
    -0.46897843613822121};
static const double d204[] = {
    0.265625, -0.1953125, 0.1708984375, -0.3310546875, 0.033203125};
static const double d205[] = {
    0.2802734375, 0.132568359375, 0.17614364624023438, 0.12246322631835938, 0.0048675537109375};
static const double d206[] = {
    0.40431307923688242, -0.52701872232551261, -1.0269335569291269, -1.187427161267494,
    -0.46897843613822121};
static const double d207[] = {
    11.25, -2, 1.5, -3.5, 4.5};
static const double d208[] = {
    0.265625, -0.1953125, 0.1708984375, -0.3310546875, 0.033203125};
static const double d209[] = {
    0.2802734375, 0.132568359375, 0.17614364624023438, 0.12246322631835938, 0.0048675537109375};
static const double d210[] = {
    0.330078125, 0.090850830078125};
static const double d211[] = {
    0.0625};
static const double d212[] = {
    0.25};
static const double d213[] = {
    1};
static const double d214[] = {
    0.35803580583055578, -0.49092959784586554, -1.0537272741946189, -1.127108634213787,
    -0.51500581882239005};
static const double d215[] = {
    0.583984375, -0.2333984375, 0.1964111328125, -0.3990478515625, 0.169677734375};
static const double d216[] = {
    0.518707275390625, 0.13623809814453125, 0.17503368854522705, 0.14256203174591064,
    0.044266223907470703};
static const double d217[] = {
    0.35803580583055578, -0.49092959784586554, -1.0537272741946189, -1.127108634213787,
    -0.51500581882239005};
static const double d218[] = {
    5, -2.5, -1.75, -0.75, 2.5};
static const double d219[] = {
    0.583984375, -0.2333984375, 0.1964111328125, -0.3990478515625, 0.169677734375};
static const double d220[] = {
    0.518707275390625, 0.13623809814453125, 0.17503368854522705, 0.14256203174591064,
    0.044266223907470703};
static const double d221[] = {
    0.413818359375, 0.11926174163818359};
static const double d222[] = {
    0.0625};
static const double d223[] = {
    0.25};
static const double d224[] = {
    1};
static const double d225[] = {
    0.31116565592350287, -0.45214650894544656, -1.0683137674649719, -1.0750203100009819,
    -0.56535949271779373};
static const double d226[] = {
    0.667236328125, -0.2823486328125, 0.1171722412109375, -0.3726043701171875, 0.226593017578125};
static const double d227[] = {
    0.55132579803466797, 0.14418768882751465, 0.17554533109068871, 0.13920560106635094,
    0.055089935660362244};
static const double d228[] = {
    -1.5625, -2.1875, 1, 1.5, 1.1875};
static const double d229[] = {
    1.75, 0.25, -3.25, 0.25, -2.75};
static const double d230[] = {
    0, 0, 0, 0, 0};
static const double d231[] = {
    0, 0, 0, 0, 0};
static const double d232[] = {
    0.125, 0.03125};
static const double d233[] = {
    0.0625};
static const double d234[] = {
    0.25};
static const double d235[] = {
    1};
static const double d236[] = {
    -1.624999974193559, -2.1250000296296156, 1.0624999909090922, 1.4375000249999901,
    1.2499999884057993};
static const double d237[] = {
    0.0302734375, -0.0263671875, -0.0859375, 0.03125, -0.0673828125};
static const double d238[] = {
    0.0018329620361328125, 0.0013904571533203125, 0.0147705078125, 0.001953125,
    0.0090808868408203125};
static const double d239[] = {
    -1.624999974193559, -2.1250000296296156, 1.0624999909090922, 1.4375000249999901,
    1.2499999884057993};
static const double d240[] = {
    1.25, 1, 1.25, 2.75, 3.5};
static const double d241[] = {
    0.0302734375, -0.0263671875, -0.0859375, 0.03125, -0.0673828125};
static const double d242[] = {
    0.0018329620361328125, 0.0013904571533203125, 0.0147705078125, 0.001953125,
    0.0090808868408203125};
static const double d243[] = {
    0.234375, 0.0615234375};
static const double d244[] = {
    0.0625};
static const double d245[] = {
    0.25};
static const double d246[] = {
    1};
static const double d247[] = {
    -1.682295904422858, -2.080028096847228, 1.0715215069122714, 1.3811556199711765,
    1.22743318345706};
static const double d248[] = {
    0.04016113321572564, -0.025024414525462745, -0.019531250142045431, 0.13574218789062484,
    0.069946288881340607};
static const double d249[] = {
    0.0021495223265863145, 0.0013546347654271997, 0.020505905119739886, 0.025392532518005301,
    0.042030751611759364};
static const double d250[] = {
    -1.682295904422858, -2.080028096847228, 1.0715215069122714, 1.3811556199711765,
    1.22743318345706};
static const double d251[] = {
    5.25, -2, -1.75, -3.25, 3.5};
static const double d252[] = {
    0.04016113321572564, -0.025024414525462745, -0.019531250142045431, 0.13574218789062484,
    0.069946288881340607};
static const double d253[] = {
    0.0021495223265863145, 0.0013546347654271997, 0.020505905119739886, 0.025392532518005301,
    0.042030751611759364};
static const double d254[] = {
    0.330078125, 0.090850830078125};
static const double d255[] = {
    0.0625};
static const double d256[] = {
    0.25};
static const double d257[] = {
    1};
static const double d258[] = {
    -1.7316111397252012, -2.0320823720786438, 1.0923484111384232, 1.3697063298532908,
    1.1875594743037552};
static const double d259[] = {
    0.17291761805715278, -0.11689680172301783, -0.055034820328785511, 0.03879247096634636,
    0.18975664626268962};
static const double d260[] = {
    0.04004714736968025, 0.019362469254423479, 0.022744738061012487, 0.037393238429040618,
    0.073769369133779766};
static const double d261[] = {
    -1.7316111397252012, -2.0320823720786438, 1.0923484111384232, 1.3697063298532908,
    1.1875594743037552};
static const double d262[] = {
    2.5, 3.25, -4, 1.25, 3.75};
static const double d263[] = {
    0.17291761805715278, -0.11689680172301783, -0.055034820328785511, 0.03879247096634636,
    0.18975664626268962};
static const double d264[] = {
    0.04004714736968025, 0.019362469254423479, 0.022744738061012487, 0.037393238429040618,
    0.073769369133779766};
static const double d265[] = {
    0.413818359375, 0.11926174163818359};
static const double d266[] = {
    0.0625};
static const double d267[] = {
    0.25};
static const double d268[] = {
    1};
static const double d269[] = {
    -1.781924828565399, -2.0220502641471532, 1.1305853868704165, 1.3461069442018583,
    1.1397334510549497};
static const double d270[] = {
    0.20237149174180241, -0.032473488571369419, -0.15608752386364946, 0.094407573499510733,
    0.30178018226584957};
static const double d271[] = {
    0.044011672911823251, 0.028504602993489538, 0.045332622454175117, 0.043536529356700791,
    0.10831646385790233};
static const double d272[] = {
    1, 0.4375, 1, -0.5, -2.25};
static const double d273[] = {
    6, 8.75, -6.25, 1.75, 0.5};
static const double d274[] = {
    0, 0, 0, 0, 0};
static const double d275[] = {
    0, 0, 0, 0, 0};
static const double d276[] = {
    0.125, 0.03125};
static const double d277[] = {
    0.0625};
static const double d278[] = {
    0.25};
static const double d279[] = {
    1};
static const double d280[] = {
    0.93687500416666636, 0.37472656535714277, 1.0618749960000002, -0.562187485714289,
    -2.3110937000000398};
static const double d281[] = {
    0.1875, 0.2734375, -0.1953125, 0.0546875, 0.015625};
static const double d282[] = {
    0.0703125, 0.1495361328125, 0.0762939453125, 0.0059814453125, 0.00048828125};
static const double d283[] = {
    0.93687500416666636, 0.37472656535714277, 1.0618749960000002, -0.562187485714289,
    -2.3110937000000398};
static const double d284[] = {
    10, -2.25, 3, 2, -2.25};
static const double d285[] = {
    0.1875, 0.2734375, -0.1953125, 0.0546875, 0.015625};
static const double d286[] = {
    0.0703125, 0.1495361328125, 0.0762939453125, 0.0059814453125, 0.00048828125};
static const double d287[] = {
    0.234375, 0.0615234375};
static const double d288[] = {
    0.0625};
static const double d289[] = {
    0.25};
static const double d290[] = {
    1};
static const double d291[] = {
    0.87487393851055029, 0.34608580005301653, 1.0780820719951467, -0.62440895315993139,
    -2.2728429769205163};
static const double d292[] = {
    0.4765625, 0.1689453125, -0.0771484375, 0.1103515625, -0.056640625};
static const double d293[] = {
    0.263427734375, 0.15475082397460938, 0.091487884521484375, 0.013607025146484375,
    0.0103607177734375};
static const double d294[] = {
    0.87487393851055029, 0.34608580005301653, 1.0780820719951467, -0.62440895315993139,
    -2.2728429769205163};
static const double d295[] = {
    0.5, 6, -6.5, 1, -9};
static const double d296[] = {
    0.4765625, 0.1689453125, -0.0771484375, 0.1103515625, -0.056640625};
static const double d297[] = {
    0.263427734375, 0.15475082397460938, 0.091487884521484375, 0.013607025146484375,
    0.0103607177734375};
static const double d298[] = {
    0.330078125, 0.090850830078125};
static const double d299[] = {
    0.0625};
static const double d300[] = {
    0.25};
static const double d301[] = {
    1};
static const double d302[] = {
    0.82549792339840422, 0.30508822379373773, 1.1147433428623308, -0.68331042972557121,
    -2.2253923076803903};
static const double d303[] = {
    0.4326171875, 0.3353271484375, -0.2706298828125, 0.1278076171875, -0.330810546875};
static const double d304[] = {
    0.25568389892578125, 0.22022736072540283, 0.17114841938018799, 0.015134930610656738,
    0.16824007034301758};
static const double d305[] = {
    0.82549792339840422, 0.30508822379373773, 1.1147433428623308, -0.68331042972557121,
    -2.2253923076803903};
static const double d306[] = {
    2.5, 5.25, -8, 6, -3.75};
static const double d307[] = {
    0.4326171875, 0.3353271484375, -0.2706298828125, 0.1278076171875, -0.330810546875};
static const double d308[] = {
    0.25568389892578125, 0.22022736072540283, 0.17114841938018799, 0.015134930610656738,
    0.16824007034301758};
static const double d309[] = {
    0.413818359375, 0.11926174163818359};
static const double d310[] = {
    0.0625};
static const double d311[] = {
    0.25};
static const double d312[] = {
    1};
static const double d313[] = {
    0.7782607046121125, 0.25873535093814959, 1.1611308262796063, -0.73644196233736237,
    -2.1753999642866821};
static const double d314[] = {
    0.4566650390625, 0.4574737548828125, -0.4868011474609375, 0.2993316650390625,
    -0.406646728515625};
static const double d315[] = {
    0.25990080833435059, 0.26717826351523399, 0.29080003127455711, 0.084974464029073715,
    0.19044838845729828};
static const double d316[] = {
    -0.0625, -0.1875, 1.3125, 0.6875, -0.25};
static const double d317[] = {
    0.25, -1.25, -3, -8.5, 2.75};
static const double d318[] = {
    0, 0, 0, 0, 0};
static const double d319[] = {
    0, 0, 0, 0, 0};
static const double d320[] = {
    0.125, 0.03125};
static const double d321[] = {
    0.0625};
static const double d322[] = {
    0.25};
static const double d323[] = {
    1};
static const double d324[] = {
    -0.12304677500015999, -0.11914064499999361, 1.3339843666666678, 0.7285156220588237,
    -0.30468749090909225};
static const double d325[] = {
    0.0078125, -0.0390625, -0.09375, -0.265625, 0.0859375};
static const double d326[] = {
    0.0001220703125, 0.0030517578125, 0.017578125, 0.14111328125, 0.0147705078125};
static const double d327[] = {
    -0.12304677500015999, -0.11914064499999361, 1.3339843666666678, 0.7285156220588237,
    -0.30468749090909225};
static const double d328[] = {
    0.25, 1, -1, 2.25, -3.75};
static const double d329[] = {
    0.0078125, -0.0390625, -0.09375, -0.265625, 0.0859375};
static const double d330[] = {
    0.0001220703125, 0.0030517578125, 0.017578125, 0.14111328125, 0.0147705078125};
static const double d331[] = {
    0.234375, 0.0615234375};
static const double d332[] = {
    0.0625};
static const double d333[] = {
    0.25};
static const double d334[] = {
    1};
static const double d335[] = {
    -0.181701463281565, -0.112651890329835, 1.3466820578403873, 0.7337550005570842,
    -0.28157659854961531};
static const double d336[] = {
    0.0146484375, -0.0029296875, -0.11328125, -0.162109375, -0.0419921875};
static const double d337[] = {
    0.000240325927734375, 0.004909515380859375, 0.01898193359375, 0.1465911865234375,
    0.041774749755859375};
static const double d338[] = {
    -0.181701463281565, -0.112651890329835, 1.3466820578403873, 0.7337550005570842,
    -0.28157659854961531};
static const double d339[] = {
    5.25, -5.25, -1.75, -1.25, -4.5};
static const double d340[] = {
    0.0146484375, -0.0029296875, -0.11328125, -0.162109375, -0.0419921875};
static const double d341[] = {
    0.000240325927734375, 0.004909515380859375, 0.01898193359375, 0.1465911865234375,
    0.041774749755859375};
static const double d342[] = {
    0.330078125, 0.090850830078125};
static const double d343[] = {
    0.0625};
static const double d344[] = {
    0.25};
static const double d345[] = {
    1};
static const double d346[] = {
    -0.21943878163002697, -0.069843334246029065, 1.3608296249226808, 0.73793388628782475,
    -0.2369920939628278};
static const double d347[] = {
    0.1768798828125, -0.1666259765625, -0.15380859375, -0.180908203125, -0.1773681640625};
static const double d348[] = {
    0.054065823554992676, 0.05858910083770752, 0.024370193481445312, 0.14506196975708008,
    0.08002007007598877};
static const double d349[] = {
    -0.21943878163002697, -0.069843334246029065, 1.3608296249226808, 0.73793388628782475,
    -0.2369920939628278};
static const double d350[] = {
    -5.25, -0, 2, 2, 0.5};
static const double d351[] = {
    0.1768798828125, -0.1666259765625, -0.15380859375, -0.180908203125, -0.1773681640625};
static const double d352[] = {
    0.054065823554992676, 0.05858910083770752, 0.024370193481445312, 0.14506196975708008,
    0.08002007007598877};
static const double d353[] = {
    0.413818359375, 0.11926174163818359};
static const double d354[] = {
    0.0625};
static const double d355[] = {
    0.25};
static const double d356[] = {
    1};
static const double d357[] = {
    -0.21109409383333419, -0.035741143308321052, 1.3395136589420877, 0.72784617586555678,
    -0.20352151125503534};
static const double d358[] = {
    -0.0092926025390625, -0.1457977294921875, -0.07208251953125, -0.095794677734375,
    -0.1395721435546875};
static const double d359[] = {
    0.10620927438139915, 0.05675819143652916, 0.031421124935150146, 0.14834128320217133,
    0.07800772413611412};

static const struct op_case golden[] = {
    {.op = "sgd",
     .name = "golden: plain, step 1",
     .attrs = {AF("momentum", 0), AI("nesterov", 0), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d0, 2, 3), LIT(TN_F32, d1, 2, 3), {0}, LIT_S(TN_F32, d2), LIT_S(TN_F32, d3), LIT_S(TN_F32, d4)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 0)},
     .want = {d5, d6},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: plain, step 2",
     .attrs = {AF("momentum", 0), AI("nesterov", 0), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d7, 2, 3), LIT(TN_F32, d8, 2, 3), {0}, LIT_S(TN_F32, d9), LIT_S(TN_F32, d10), LIT_S(TN_F32, d11)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 0)},
     .want = {d12, d13},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: plain, step 3",
     .attrs = {AF("momentum", 0), AI("nesterov", 0), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d14, 2, 3), LIT(TN_F32, d15, 2, 3), {0}, LIT_S(TN_F32, d16), LIT_S(TN_F32, d17), LIT_S(TN_F32, d18)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 0)},
     .want = {d19, d20},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: plain, step 4",
     .attrs = {AF("momentum", 0), AI("nesterov", 0), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d21, 2, 3), LIT(TN_F32, d22, 2, 3), {0}, LIT_S(TN_F32, d23), LIT_S(TN_F32, d24), LIT_S(TN_F32, d25)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 0)},
     .want = {d26, d27},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: weight decay, step 1",
     .attrs = {AF("momentum", 0), AI("nesterov", 0), AF("weight_decay", 0.25)},
     .in = {LIT(TN_F32, d28, 2, 3), LIT(TN_F32, d29, 2, 3), {0}, LIT_S(TN_F32, d30), LIT_S(TN_F32, d31), LIT_S(TN_F32, d32)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 0)},
     .want = {d33, d34},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: weight decay, step 2",
     .attrs = {AF("momentum", 0), AI("nesterov", 0), AF("weight_decay", 0.25)},
     .in = {LIT(TN_F32, d35, 2, 3), LIT(TN_F32, d36, 2, 3), {0}, LIT_S(TN_F32, d37), LIT_S(TN_F32, d38), LIT_S(TN_F32, d39)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 0)},
     .want = {d40, d41},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: weight decay, step 3",
     .attrs = {AF("momentum", 0), AI("nesterov", 0), AF("weight_decay", 0.25)},
     .in = {LIT(TN_F32, d42, 2, 3), LIT(TN_F32, d43, 2, 3), {0}, LIT_S(TN_F32, d44), LIT_S(TN_F32, d45), LIT_S(TN_F32, d46)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 0)},
     .want = {d47, d48},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: weight decay, step 4",
     .attrs = {AF("momentum", 0), AI("nesterov", 0), AF("weight_decay", 0.25)},
     .in = {LIT(TN_F32, d49, 2, 3), LIT(TN_F32, d50, 2, 3), {0}, LIT_S(TN_F32, d51), LIT_S(TN_F32, d52), LIT_S(TN_F32, d53)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 0)},
     .want = {d54, d55},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: momentum, step 1",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 0), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d56, 2, 3), LIT(TN_F32, d57, 2, 3), LIT(TN_F32, d58, 2, 3), LIT_S(TN_F32, d59), LIT_S(TN_F32, d60), LIT_S(TN_F32, d61)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d62, d63},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: momentum, step 2",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 0), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d64, 2, 3), LIT(TN_F32, d65, 2, 3), LIT(TN_F32, d66, 2, 3), LIT_S(TN_F32, d67), LIT_S(TN_F32, d68), LIT_S(TN_F32, d69)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d70, d71},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: momentum, step 3",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 0), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d72, 2, 3), LIT(TN_F32, d73, 2, 3), LIT(TN_F32, d74, 2, 3), LIT_S(TN_F32, d75), LIT_S(TN_F32, d76), LIT_S(TN_F32, d77)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d78, d79},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: momentum, step 4",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 0), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d80, 2, 3), LIT(TN_F32, d81, 2, 3), LIT(TN_F32, d82, 2, 3), LIT_S(TN_F32, d83), LIT_S(TN_F32, d84), LIT_S(TN_F32, d85)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d86, d87},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: momentum and weight decay, step 1",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 0), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d88, 2, 3), LIT(TN_F32, d89, 2, 3), LIT(TN_F32, d90, 2, 3), LIT_S(TN_F32, d91), LIT_S(TN_F32, d92), LIT_S(TN_F32, d93)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d94, d95},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: momentum and weight decay, step 2",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 0), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d96, 2, 3), LIT(TN_F32, d97, 2, 3), LIT(TN_F32, d98, 2, 3), LIT_S(TN_F32, d99), LIT_S(TN_F32, d100), LIT_S(TN_F32, d101)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d102, d103},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: momentum and weight decay, step 3",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 0), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d104, 2, 3), LIT(TN_F32, d105, 2, 3), LIT(TN_F32, d106, 2, 3), LIT_S(TN_F32, d107), LIT_S(TN_F32, d108), LIT_S(TN_F32, d109)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d110, d111},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: momentum and weight decay, step 4",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 0), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d112, 2, 3), LIT(TN_F32, d113, 2, 3), LIT(TN_F32, d114, 2, 3), LIT_S(TN_F32, d115), LIT_S(TN_F32, d116), LIT_S(TN_F32, d117)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d118, d119},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: nesterov, step 1",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 1), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d120, 2, 3), LIT(TN_F32, d121, 2, 3), LIT(TN_F32, d122, 2, 3), LIT_S(TN_F32, d123), LIT_S(TN_F32, d124), LIT_S(TN_F32, d125)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d126, d127},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: nesterov, step 2",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 1), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d128, 2, 3), LIT(TN_F32, d129, 2, 3), LIT(TN_F32, d130, 2, 3), LIT_S(TN_F32, d131), LIT_S(TN_F32, d132), LIT_S(TN_F32, d133)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d134, d135},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: nesterov, step 3",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 1), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d136, 2, 3), LIT(TN_F32, d137, 2, 3), LIT(TN_F32, d138, 2, 3), LIT_S(TN_F32, d139), LIT_S(TN_F32, d140), LIT_S(TN_F32, d141)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d142, d143},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: nesterov, step 4",
     .attrs = {AF("momentum", 0.75), AI("nesterov", 1), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d144, 2, 3), LIT(TN_F32, d145, 2, 3), LIT(TN_F32, d146, 2, 3), LIT_S(TN_F32, d147), LIT_S(TN_F32, d148), LIT_S(TN_F32, d149)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d150, d151},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: nesterov and weight decay, step 1",
     .attrs = {AF("momentum", 0.875), AI("nesterov", 1), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d152, 2, 3), LIT(TN_F32, d153, 2, 3), LIT(TN_F32, d154, 2, 3), LIT_S(TN_F32, d155), LIT_S(TN_F32, d156), LIT_S(TN_F32, d157)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d158, d159},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: nesterov and weight decay, step 2",
     .attrs = {AF("momentum", 0.875), AI("nesterov", 1), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d160, 2, 3), LIT(TN_F32, d161, 2, 3), LIT(TN_F32, d162, 2, 3), LIT_S(TN_F32, d163), LIT_S(TN_F32, d164), LIT_S(TN_F32, d165)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d166, d167},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: nesterov and weight decay, step 3",
     .attrs = {AF("momentum", 0.875), AI("nesterov", 1), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d168, 2, 3), LIT(TN_F32, d169, 2, 3), LIT(TN_F32, d170, 2, 3), LIT_S(TN_F32, d171), LIT_S(TN_F32, d172), LIT_S(TN_F32, d173)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d174, d175},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "sgd",
     .name = "golden: nesterov and weight decay, step 4",
     .attrs = {AF("momentum", 0.875), AI("nesterov", 1), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d176, 2, 3), LIT(TN_F32, d177, 2, 3), LIT(TN_F32, d178, 2, 3), LIT_S(TN_F32, d179), LIT_S(TN_F32, d180), LIT_S(TN_F32, d181)},
     .out = {OUT(TN_F32, 2, 3), OUT(TN_F32, 2, 3)},
     .want = {d182, d183},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adam",
     .name = "golden: plain, step 1",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d184, 5), LIT(TN_F32, d185, 5), LIT(TN_F32, d186, 5), LIT(TN_F32, d187, 5), LIT(TN_F32, d188, 2), LIT_S(TN_F32, d189), LIT_S(TN_F32, d190), LIT_S(TN_F32, d191)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d192, d193, d194},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adam",
     .name = "golden: plain, step 2",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d195, 5), LIT(TN_F32, d196, 5), LIT(TN_F32, d197, 5), LIT(TN_F32, d198, 5), LIT(TN_F32, d199, 2), LIT_S(TN_F32, d200), LIT_S(TN_F32, d201), LIT_S(TN_F32, d202)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d203, d204, d205},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adam",
     .name = "golden: plain, step 3",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d206, 5), LIT(TN_F32, d207, 5), LIT(TN_F32, d208, 5), LIT(TN_F32, d209, 5), LIT(TN_F32, d210, 2), LIT_S(TN_F32, d211), LIT_S(TN_F32, d212), LIT_S(TN_F32, d213)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d214, d215, d216},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adam",
     .name = "golden: plain, step 4",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0)},
     .in = {LIT(TN_F32, d217, 5), LIT(TN_F32, d218, 5), LIT(TN_F32, d219, 5), LIT(TN_F32, d220, 5), LIT(TN_F32, d221, 2), LIT_S(TN_F32, d222), LIT_S(TN_F32, d223), LIT_S(TN_F32, d224)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d225, d226, d227},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adam",
     .name = "golden: weight decay, step 1",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d228, 5), LIT(TN_F32, d229, 5), LIT(TN_F32, d230, 5), LIT(TN_F32, d231, 5), LIT(TN_F32, d232, 2), LIT_S(TN_F32, d233), LIT_S(TN_F32, d234), LIT_S(TN_F32, d235)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d236, d237, d238},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adam",
     .name = "golden: weight decay, step 2",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d239, 5), LIT(TN_F32, d240, 5), LIT(TN_F32, d241, 5), LIT(TN_F32, d242, 5), LIT(TN_F32, d243, 2), LIT_S(TN_F32, d244), LIT_S(TN_F32, d245), LIT_S(TN_F32, d246)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d247, d248, d249},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adam",
     .name = "golden: weight decay, step 3",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d250, 5), LIT(TN_F32, d251, 5), LIT(TN_F32, d252, 5), LIT(TN_F32, d253, 5), LIT(TN_F32, d254, 2), LIT_S(TN_F32, d255), LIT_S(TN_F32, d256), LIT_S(TN_F32, d257)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d258, d259, d260},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adam",
     .name = "golden: weight decay, step 4",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0.125)},
     .in = {LIT(TN_F32, d261, 5), LIT(TN_F32, d262, 5), LIT(TN_F32, d263, 5), LIT(TN_F32, d264, 5), LIT(TN_F32, d265, 2), LIT_S(TN_F32, d266), LIT_S(TN_F32, d267), LIT_S(TN_F32, d268)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d269, d270, d271},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adamw",
     .name = "golden: default decay, step 1",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08)},
     .in = {LIT(TN_F32, d272, 5), LIT(TN_F32, d273, 5), LIT(TN_F32, d274, 5), LIT(TN_F32, d275, 5), LIT(TN_F32, d276, 2), LIT_S(TN_F32, d277), LIT_S(TN_F32, d278), LIT_S(TN_F32, d279)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d280, d281, d282},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adamw",
     .name = "golden: default decay, step 2",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08)},
     .in = {LIT(TN_F32, d283, 5), LIT(TN_F32, d284, 5), LIT(TN_F32, d285, 5), LIT(TN_F32, d286, 5), LIT(TN_F32, d287, 2), LIT_S(TN_F32, d288), LIT_S(TN_F32, d289), LIT_S(TN_F32, d290)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d291, d292, d293},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adamw",
     .name = "golden: default decay, step 3",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08)},
     .in = {LIT(TN_F32, d294, 5), LIT(TN_F32, d295, 5), LIT(TN_F32, d296, 5), LIT(TN_F32, d297, 5), LIT(TN_F32, d298, 2), LIT_S(TN_F32, d299), LIT_S(TN_F32, d300), LIT_S(TN_F32, d301)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d302, d303, d304},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adamw",
     .name = "golden: default decay, step 4",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08)},
     .in = {LIT(TN_F32, d305, 5), LIT(TN_F32, d306, 5), LIT(TN_F32, d307, 5), LIT(TN_F32, d308, 5), LIT(TN_F32, d309, 2), LIT_S(TN_F32, d310), LIT_S(TN_F32, d311), LIT_S(TN_F32, d312)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d313, d314, d315},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adamw",
     .name = "golden: strong decay, step 1",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0.5)},
     .in = {LIT(TN_F32, d316, 5), LIT(TN_F32, d317, 5), LIT(TN_F32, d318, 5), LIT(TN_F32, d319, 5), LIT(TN_F32, d320, 2), LIT_S(TN_F32, d321), LIT_S(TN_F32, d322), LIT_S(TN_F32, d323)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d324, d325, d326},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adamw",
     .name = "golden: strong decay, step 2",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0.5)},
     .in = {LIT(TN_F32, d327, 5), LIT(TN_F32, d328, 5), LIT(TN_F32, d329, 5), LIT(TN_F32, d330, 5), LIT(TN_F32, d331, 2), LIT_S(TN_F32, d332), LIT_S(TN_F32, d333), LIT_S(TN_F32, d334)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d335, d336, d337},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adamw",
     .name = "golden: strong decay, step 3",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0.5)},
     .in = {LIT(TN_F32, d338, 5), LIT(TN_F32, d339, 5), LIT(TN_F32, d340, 5), LIT(TN_F32, d341, 5), LIT(TN_F32, d342, 2), LIT_S(TN_F32, d343), LIT_S(TN_F32, d344), LIT_S(TN_F32, d345)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d346, d347, d348},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
    {.op = "adamw",
     .name = "golden: strong decay, step 4",
     .attrs = {AF("beta1", 0.875), AF("beta2", 0.96875), AF("epsilon", 9.9999999999999995e-08), AF("weight_decay", 0.5)},
     .in = {LIT(TN_F32, d349, 5), LIT(TN_F32, d350, 5), LIT(TN_F32, d351, 5), LIT(TN_F32, d352, 5), LIT(TN_F32, d353, 2), LIT_S(TN_F32, d354), LIT_S(TN_F32, d355), LIT_S(TN_F32, d356)},
     .out = {OUT(TN_F32, 5), OUT(TN_F32, 5), OUT(TN_F32, 5)},
     .want = {d357, d358, d359},
     .want_tol = 1e-12,
     .tol = TOL_COMPOSITE},
};
