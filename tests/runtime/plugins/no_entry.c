/* A shared object that is no backend. */
int tenon_test_answer(void);
int tenon_test_answer(void)
{
    return 42;
}
