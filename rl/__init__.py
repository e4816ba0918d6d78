"""Judge scores to reward, and reward to a policy that abstains where it does not know."""
